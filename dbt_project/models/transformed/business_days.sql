with

-- A source's first and last day, one row each; no rows, no days.
spans as (

    select
        min(order_date) as first_day,
        max(order_date) as last_day

    from {{ ref('orders') }}

    union all

    select
        min(return_date) as first_day,
        max(return_date) as last_day

    from {{ ref('returns') }}

    union all

    select
        min(refund_date) as first_day,
        max(refund_date) as last_day

    from {{ ref('returns') }}

    union all

    select
        cast(min(payment_date) as date) as first_day,
        cast(max(payment_date) as date) as last_day

    from {{ ref('stg_inventory_db__payments') }}

    union all

    select
        min(movement_date) as first_day,
        max(movement_date) as last_day

    from {{ ref('stock_movements__inventory_db') }}

    union all

    select
        min(movement_date) as first_day,
        max(movement_date) as last_day

    from {{ ref('stock_movements__pos_api') }}

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
