with

-- A source's first and last day, one row each; no rows, no days.
spans as (

    select
        min(order_date) as first_day,
        max(order_date) as last_day

    from {{ ref('orders') }}

    union all

    select
        cast(min(payment_date) as date) as first_day,
        cast(max(payment_date) as date) as last_day

    from {{ ref('stg_inventory_db__payments') }}

    union all

    select
        min({{ local_date('inventory_logs.action_date', 'inventory_products.time_zone') }}) as first_day,
        max({{ local_date('inventory_logs.action_date', 'inventory_products.time_zone') }}) as last_day

    from {{ ref('stg_inventory_db__inventory_logs') }} as inventory_logs
    left join {{ ref('inventory_products') }} as inventory_products
        on inventory_logs.product_id = inventory_products.source_product_id

    union all

    select
        min({{ local_date('stock_adjustments.adjustment_date', 'inventory_products.time_zone') }}) as first_day,
        max({{ local_date('stock_adjustments.adjustment_date', 'inventory_products.time_zone') }}) as last_day

    from {{ ref('stg_inventory_db__stock_adjustments') }} as stock_adjustments
    left join {{ ref('inventory_products') }} as inventory_products
        on stock_adjustments.product_id = inventory_products.source_product_id

    union all

    select
        min(order_date) as first_day,
        max(order_date) as last_day

    from {{ ref('stg_inventory_db__purchase_orders') }}

    union all

    select
        min(delivery_date) as first_day,
        max(delivery_date) as last_day

    from {{ ref('stg_inventory_db__purchase_orders') }}

),

final as (

    {{ calendar_days('(select min(first_day) from spans)', '(select max(last_day) from spans)') }}

)

select * from final
