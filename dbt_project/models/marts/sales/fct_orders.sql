{{ config(
    materialized='incremental',
    incremental_strategy='append',
    tags=['by_month'],
    pre_hook="{{ clear_months('order_date') }}",
    meta={'months': {'relation': 'transformed.orders', 'date': 'order_date', 'key': 'order_id'}}
) }}

with

orders as (

    select * from {{ ref('orders') }}

),

order_lines as (

    select * from {{ ref('order_lines') }}

),

order_payments as (

    select * from {{ ref('order_payments') }}

),

contents as (

    select
        order_id,
        count(*) as line_count,
        sum(case when is_service then 0 else quantity end) as quantity

    from order_lines
    group by order_id

),

-- Of payments only the old database's e-commerce orders tell.
joined as (

    select
        orders.*,
        orders.source = 'inventory_db' and orders.source_channel <> 'till' as tells_payments,
        coalesce(contents.line_count, 0) as line_count,
        coalesce(contents.quantity, 0) as quantity,
        cast(
            coalesce(order_payments.paid_amount, 0) * orders.conversion_rate as decimal(18, 4)
        ) as paid_amount,
        cast(
            coalesce(order_payments.pending_amount, 0) * orders.conversion_rate as decimal(18, 4)
        ) as pending_amount,
        cast(
            coalesce(order_payments.refunded_amount, 0) * orders.conversion_rate as decimal(18, 4)
        ) as refunded_amount,
        coalesce(order_payments.payment_count, 0) as payment_count,
        coalesce(order_payments.failed_attempt_count, 0) as failed_attempt_count,
        order_payments.first_paid_at

    from orders
    left join contents on orders.order_id = contents.order_id
    left join order_payments
        on orders.order_id = 'inventory_db-web-' || cast(order_payments.order_id as string)
    where {{ in_months('orders.order_date') }}
        and {{ in_no_other_month('orders.order_id') }}

),

-- What was returned or never became a sale is not owed.
owed as (

    select
        *,
        case when is_sale and not is_returned then total_amount else 0 end as due_amount

    from joined

),

final as (

    select
        cast(owed.order_id as string) as order_id,
        cast(owed.source as string) as source,
        cast(owed.source_order_number as string) as source_order_number,
        cast(owed.source_channel as string) as source_channel,
        cast(owed.channel as string) as channel,
        cast(owed.channel_type as string) as channel_type,
        cast(owed.customer_id as string) as customer_id,
        cast(owed.location_id as string) as location_id,
        cast(owed.country as string) as country,
        cast(owed.ordered_at as timestamp) as ordered_at,
        cast(owed.order_date as date) as order_date,
        cast(owed.paid_at as timestamp) as paid_at,
        cast(owed.despatched_at as timestamp) as despatched_at,
        cast(owed.delivered_at as timestamp) as delivered_at,
        cast(owed.cancelled_at as timestamp) as cancelled_at,
        cast(owed.despatch_by_at as timestamp) as despatch_by_at,
        cast(owed.order_state as string) as order_state,
        cast(owed.is_sale as boolean) as is_sale,
        cast(owed.is_cancelled as boolean) as is_cancelled,
        cast(owed.is_resend as boolean) as is_resend,
        cast(owed.is_returned as boolean) as is_returned,
        cast(owed.currency as string) as currency,
        cast(owed.conversion_rate as double) as conversion_rate,
        cast(owed.goods_amount as decimal(18, 4)) as goods_amount,
        cast(owed.postage_amount as decimal(18, 4)) as postage_amount,
        cast(owed.discount_amount as decimal(18, 4)) as discount_amount,
        cast(owed.tax_amount as decimal(18, 4)) as tax_amount,
        cast(owed.total_amount as decimal(18, 4)) as total_amount,
        cast(owed.postage_cost_amount as decimal(18, 4)) as postage_cost_amount,
        cast(owed.line_count as bigint) as line_count,
        cast(owed.quantity as bigint) as quantity,
        cast(case when owed.tells_payments then owed.due_amount end as decimal(18, 2))
            as due_amount,
        cast(case when owed.tells_payments then owed.paid_amount end as decimal(18, 2))
            as paid_amount,
        cast(case when owed.tells_payments then owed.pending_amount end as decimal(18, 2))
            as pending_amount,
        cast(case when owed.tells_payments then owed.refunded_amount end as decimal(18, 2))
            as refunded_amount,
        cast(case when owed.tells_payments then owed.due_amount - owed.paid_amount end as decimal(18, 2))
            as balance_amount,
        cast(case
            when not owed.tells_payments then null
            when owed.paid_amount > owed.total_amount then 'overpaid'
            when owed.paid_amount > 0 and owed.paid_amount = owed.total_amount then 'paid'
            when owed.paid_amount > 0 then 'partly_paid'
            when owed.refunded_amount > 0 then 'refunded'
            when owed.pending_amount > 0 then 'pending'
            when owed.failed_attempt_count > 0 then 'failed'
            else 'unpaid'
        end as string) as payment_status,
        cast(case when owed.tells_payments then owed.payment_count end as bigint) as payment_count,
        cast(case when owed.tells_payments then owed.failed_attempt_count end as bigint)
            as failed_attempt_count,
        cast(case
            when owed.tells_payments then {{ days_between('owed.ordered_at', 'owed.first_paid_at') }}
        end as bigint) as days_to_first_payment,
        cast(owed.last_load_id as string) as last_load_id

    from owed

)

select * from final
