with

payments as (

    select * from {{ ref('stg_inventory_db__payments') }}

),

payment_statuses as (

    select * from {{ ref('payment_statuses') }}

),

final as (

    select
        payments.order_id,
        count(*) as payment_count,
        count(case when payment_statuses.is_failed then 1 end) as failed_attempt_count,
        cast(sum(
            case
                when payment_statuses.is_received and not payment_statuses.is_refunded
                    then payments.amount
                else 0
            end
        ) as decimal(18, 2)) as paid_amount,
        cast(sum(
            case when payment_statuses.is_refunded then payments.amount else 0 end
        ) as decimal(18, 2)) as refunded_amount,
        cast(sum(
            case when payment_statuses.is_pending then payments.amount else 0 end
        ) as decimal(18, 2)) as pending_amount,
        min(case when payment_statuses.is_received then payments.payment_date end)
            as first_paid_at,
        -- A refund is a payment that changed.
        max(case when payment_statuses.is_refunded then payments.updated_at end) as refunded_at,
        max(payments._load_id) as last_load_id

    from payments
    left join payment_statuses on payments.status = payment_statuses.status
    group by payments.order_id

)

select * from final
