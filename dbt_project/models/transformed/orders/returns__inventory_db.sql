-- A returned order comes back whole; what was sent back to the customer are its refunded payments.
-- Money of another order is a refund without goods. What never was a sale cannot be returned.

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

given_back as (

    select
        'inventory_db-web-' || cast(ecommerce_orders.order_id as string) as order_id,
        case when order_statuses.returns_stock then 'return' else 'refund' end as return_type,
        case
            when order_statuses.returns_stock then ecommerce_orders.updated_at
            else order_payments.refunded_at
        end as returned_at,
        order_payments.refunded_at,
        coalesce(order_payments.refunded_amount, 0) as refunded_amount

    from ecommerce_orders
    inner join order_statuses on ecommerce_orders.order_status = order_statuses.status
    left join order_payments on ecommerce_orders.order_id = order_payments.order_id
    where order_statuses.returns_stock
        or (order_statuses.is_sale and order_payments.refunded_amount > 0)

),

final as (

    select
        orders.order_id || '-' || given_back.return_type as return_id,
        'inventory_db' as source,
        orders.source_channel,
        orders.order_id,
        order_lines.order_line_id,
        order_lines.product_id,
        orders.customer_id,
        orders.location_id,
        orders.country,
        given_back.returned_at,
        {{ local_date('given_back.returned_at', 'locations.time_zone') }} as return_date,
        given_back.refunded_at,
        {{ local_date('given_back.refunded_at', 'locations.time_zone') }} as refund_date,
        given_back.return_type,
        case when given_back.return_type = 'return' then order_lines.quantity else 0 end as quantity,
        cast(given_back.refunded_amount * orders.conversion_rate as decimal(18, 4))
            as refund_amount,
        cast(null as decimal(18, 4)) as refund_tax_amount,
        cast(null as string) as reason,
        orders.last_load_id

    from given_back
    inner join orders on given_back.order_id = orders.order_id
    inner join order_lines on orders.order_id = order_lines.order_id
    left join locations on orders.location_id = locations.location_id

)

select * from final
