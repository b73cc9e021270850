-- Sales and corrections come from their own documents. The old database's journal repeats them, so
-- of the journal only what has no document is taken: openings, deliveries and returns. It keeps no
-- locations; where a product lies is said by hand.

with

inventory_logs as (

    select * from {{ ref('stg_inventory_db__inventory_logs') }}

),

transactions as (

    select * from {{ ref('stg_inventory_db__sales_transactions') }}

),

ecommerce_orders as (

    select * from {{ ref('stg_inventory_db__ecommerce_orders') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

adjustments as (

    select * from {{ ref('stg_inventory_db__stock_adjustments') }}

),

inventory_products as (

    select * from {{ ref('inventory_products') }}

),

movements as (

    select
        'inventory_db-log-' || cast(log_id as string) as movement_id,
        product_id,
        action_date as moved_at,
        case action_type when 'Restock' then 'receipt' else lower(action_type) end as movement_type,
        notes as reason,
        quantity_after - quantity_before as quantity_change,
        'inventory_logs' as source_table,
        cast(log_id as string) as source_id,
        cast(null as string) as order_line_id,
        _load_id

    from inventory_logs
    where action_type in ('Opening', 'Restock', 'Return')

    union all

    select
        'inventory_db-pos-' || cast(transaction_id as string) as movement_id,
        product_id,
        transaction_date as moved_at,
        'sale' as movement_type,
        'till' as reason,
        -quantity_sold as quantity_change,
        'sales_transactions' as source_table,
        cast(transaction_id as string) as source_id,
        'inventory_db-pos-' || cast(transaction_id as string) || '-1' as order_line_id,
        _load_id

    from transactions

    union all

    select
        'inventory_db-web-' || cast(ecommerce_orders.order_id as string) as movement_id,
        ecommerce_orders.product_id,
        ecommerce_orders.order_date as moved_at,
        'sale' as movement_type,
        coalesce(ecommerce_orders.platform, 'unknown platform') as reason,
        -ecommerce_orders.quantity_ordered as quantity_change,
        'ecommerce_orders' as source_table,
        cast(ecommerce_orders.order_id as string) as source_id,
        'inventory_db-web-' || cast(ecommerce_orders.order_id as string) || '-1' as order_line_id,
        ecommerce_orders._load_id

    from ecommerce_orders
    inner join order_statuses on ecommerce_orders.order_status = order_statuses.status
    where order_statuses.takes_stock

    union all

    select
        'inventory_db-adj-' || cast(adjustment_id as string) as movement_id,
        product_id,
        adjustment_date as moved_at,
        'adjustment' as movement_type,
        reason,
        case
            when adjustment_type = 'Increase' then quantity_adjusted
            when adjustment_type = 'Decrease' then -quantity_adjusted
        end as quantity_change,
        'stock_adjustments' as source_table,
        cast(adjustment_id as string) as source_id,
        cast(null as string) as order_line_id,
        _load_id

    from adjustments

),

final as (

    select
        movements.movement_id,
        coalesce(
            inventory_products.product_id, 'inventory_db-' || cast(movements.product_id as string)
        ) as product_id,
        coalesce(inventory_products.location_id, 'NTH') as location_id,
        movements.moved_at,
        {{ local_date('movements.moved_at', 'inventory_products.time_zone') }} as movement_date,
        movements.movement_type,
        movements.reason,
        movements.quantity_change,
        abs(movements.quantity_change) as quantity,
        case when movements.quantity_change < 0 then 'out' else 'in' end as direction,
        'inventory_db' as source,
        movements.source_table,
        movements.source_id,
        movements.order_line_id,
        movements._load_id as last_load_id

    from movements
    left join inventory_products
        on movements.product_id = inventory_products.source_product_id
    where movements.product_id is not null
        and (movements.quantity_change <> 0 or movements.movement_type = 'opening')

)

select * from final
