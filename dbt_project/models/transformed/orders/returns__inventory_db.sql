-- A returned order comes back whole; what was sent back to the customer are its refunded payments.

with

ecommerce_orders as (

    select * from {{ ref('stg_inventory_db__ecommerce_orders') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

order_payments as (

    select * from {{ ref('order_payments') }}

),

orders as (

    select * from {{ ref('orders__inventory_db') }}

),

order_lines as (

    select * from {{ ref('order_lines__inventory_db') }}

),

locations as (

    select * from {{ ref('locations') }}

),

final as (

    select
        orders.order_id || '-return' as return_id,
        'inventory_db' as source,
        orders.source_channel,
        orders.order_id,
        order_lines.order_line_id,
        order_lines.product_id,
        orders.customer_id,
        orders.location_id,
        orders.country,
        ecommerce_orders.updated_at as returned_at,
        {{ local_date('ecommerce_orders.updated_at', 'locations.time_zone') }} as return_date,
        'return' as return_type,
        order_lines.quantity,
        cast(
            coalesce(order_payments.refunded_amount, 0) * orders.conversion_rate as decimal(18, 4)
        ) as refund_amount,
        cast(null as decimal(18, 4)) as refund_tax_amount,
        cast(null as string) as reason,
        orders.last_load_id

    from ecommerce_orders
    inner join order_statuses
        on ecommerce_orders.order_status = order_statuses.status
        and order_statuses.returns_stock
    inner join orders
        on 'inventory_db-web-' || cast(ecommerce_orders.order_id as string) = orders.order_id
    inner join order_lines on orders.order_id = order_lines.order_id
    left join order_payments on ecommerce_orders.order_id = order_payments.order_id
    left join locations on orders.location_id = locations.location_id

)

select * from final
