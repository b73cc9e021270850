with

purchase_orders as (

    select * from {{ ref('stg_inventory_db__purchase_orders') }}

),

purchase_order_statuses as (

    select * from {{ ref('purchase_order_statuses') }}

),

last_day as (

    select max(date_day) as as_of_date
    from {{ ref('business_days') }}

),

joined as (

    select
        purchase_orders.purchase_order_id,
        purchase_orders.supplier_id,
        purchase_orders.order_date,
        purchase_orders.delivery_date,
        purchase_orders.status as order_status,
        purchase_orders.total_amount,
        coalesce(purchase_order_statuses.is_open, false) as is_open,
        coalesce(purchase_order_statuses.is_delivered, false) as is_delivered,
        last_day.as_of_date

    from purchase_orders
    cross join last_day
    left join purchase_order_statuses
        on purchase_orders.status = purchase_order_statuses.status

),

final as (

    select
        cast(purchase_order_id as bigint) as purchase_order_id,
        cast(supplier_id as bigint) as supplier_id,
        cast(order_date as date) as order_date,
        cast(delivery_date as date) as delivery_date,
        cast(order_status as string) as order_status,
        cast(is_open as boolean) as is_open,
        cast(is_delivered as boolean) as is_delivered,
        cast(total_amount as decimal(18, 2)) as total_amount,
        cast(case when is_delivered then {{ days_between('order_date', 'delivery_date') }} end
            as bigint) as lead_time_days,
        cast(case when is_open then {{ days_between('order_date', 'as_of_date') }} end as bigint)
            as days_open

    from joined

)

select * from final
