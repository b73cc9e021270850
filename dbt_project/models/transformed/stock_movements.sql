-- Sales and corrections come from their own documents. The old system's journal repeats them, so
-- of the journal only what has no document is taken: openings, deliveries and returns.

with

inventory_logs as (

    select * from {{ ref('stg_inventory_db__inventory_logs') }}

),

transactions as (

    select * from {{ ref('stg_inventory_db__sales_transactions') }}

),

orders as (

    select * from {{ ref('stg_inventory_db__ecommerce_orders') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

adjustments as (

    select * from {{ ref('stg_inventory_db__stock_adjustments') }}

),

journal as (

    select
        'log-' || cast(log_id as string) as movement_id,
        product_id,
        action_date as moved_at,
        lower(action_type) as movement_type,
        quantity_after - quantity_before as quantity_change,
        'inventory_logs' as source_table,
        cast(log_id as string) as source_id

    from inventory_logs
    where action_type in ('Opening', 'Restock', 'Return')

),

till as (

    select
        'pos-' || cast(transaction_id as string) as movement_id,
        product_id,
        transaction_date as moved_at,
        'sale' as movement_type,
        -quantity_sold as quantity_change,
        'sales_transactions' as source_table,
        cast(transaction_id as string) as source_id

    from transactions

),

web as (

    select
        'web-' || cast(orders.order_id as string) as movement_id,
        orders.product_id,
        orders.order_date as moved_at,
        'sale' as movement_type,
        -orders.quantity_ordered as quantity_change,
        'ecommerce_orders' as source_table,
        cast(orders.order_id as string) as source_id

    from orders
    inner join order_statuses on orders.order_status = order_statuses.status
    where order_statuses.takes_stock

),

corrections as (

    select
        'adj-' || cast(adjustment_id as string) as movement_id,
        product_id,
        adjustment_date as moved_at,
        'adjustment' as movement_type,
        case
            when adjustment_type = 'Increase' then quantity_adjusted
            when adjustment_type = 'Decrease' then -quantity_adjusted
        end as quantity_change,
        'stock_adjustments' as source_table,
        cast(adjustment_id as string) as source_id

    from adjustments

),

movements as (

    select * from journal
    union all
    select * from till
    union all
    select * from web
    union all
    select * from corrections

),

final as (

    select
        movement_id,
        product_id,
        moved_at,
        cast(moved_at as date) as movement_date,
        movement_type,
        case when quantity_change > 0 then 'in' else 'out' end as direction,
        abs(quantity_change) as quantity,
        quantity_change,
        source_table,
        source_id

    from movements
    where product_id is not null and quantity_change <> 0

)

select * from final
