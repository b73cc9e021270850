with

orders as (

    select * from {{ ref('stg_inventory_db__ecommerce_orders') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

order_payments as (

    select * from {{ ref('order_payments') }}

),

joined as (

    select
        orders.order_id,
        coalesce(lower(orders.platform), 'unknown') as channel,
        orders.customer_id,
        orders.product_id,
        orders.order_date as ordered_at,
        orders.order_status,
        coalesce(order_statuses.is_sale, false) as is_sale,
        coalesce(order_statuses.returns_stock, false) as is_returned,
        orders.quantity_ordered as quantity,
        orders.total_price as order_amount,
        coalesce(order_payments.payment_count, 0) as payment_count,
        coalesce(order_payments.failed_attempt_count, 0) as failed_attempt_count,
        coalesce(order_payments.paid_amount, 0) as paid_amount,
        coalesce(order_payments.pending_amount, 0) as pending_amount,
        coalesce(order_payments.refunded_amount, 0) as refunded_amount,
        order_payments.first_paid_at

    from orders
    left join order_statuses on orders.order_status = order_statuses.status
    left join order_payments on orders.order_id = order_payments.order_id

),

-- What was returned or never became a sale is not owed.
owed as (

    select
        *,
        case when is_sale and not is_returned then order_amount else 0 end as due_amount

    from joined

),

final as (

    select
        cast(order_id as bigint) as order_id,
        cast(channel as string) as channel,
        cast(customer_id as bigint) as customer_id,
        cast(product_id as bigint) as product_id,
        cast(ordered_at as timestamp) as ordered_at,
        cast(ordered_at as date) as order_date,
        cast(order_status as string) as order_status,
        cast(is_sale as boolean) as is_sale,
        cast(is_returned as boolean) as is_returned,
        cast(quantity as bigint) as quantity,
        cast(order_amount as decimal(18, 2)) as order_amount,
        cast(due_amount as decimal(18, 2)) as due_amount,
        cast(paid_amount as decimal(18, 2)) as paid_amount,
        cast(pending_amount as decimal(18, 2)) as pending_amount,
        cast(refunded_amount as decimal(18, 2)) as refunded_amount,
        cast(due_amount - paid_amount as decimal(18, 2)) as balance_amount,
        cast(case
            when paid_amount > order_amount then 'overpaid'
            when paid_amount > 0 and paid_amount = order_amount then 'paid'
            when paid_amount > 0 then 'partly_paid'
            when refunded_amount > 0 then 'refunded'
            when pending_amount > 0 then 'pending'
            when failed_attempt_count > 0 then 'failed'
            else 'unpaid'
        end as string) as payment_status,
        cast(payment_count as bigint) as payment_count,
        cast(failed_attempt_count as bigint) as failed_attempt_count,
        cast(first_paid_at as timestamp) as first_paid_at,
        cast({{ days_between('ordered_at', 'first_paid_at') }} as bigint)
            as days_to_first_payment

    from owed

)

select * from final
