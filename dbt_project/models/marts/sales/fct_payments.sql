with

payments as (

    select * from {{ ref('stg_inventory_db__payments') }}

),

payment_statuses as (

    select * from {{ ref('payment_statuses') }}

),

joined as (

    select
        payments.payment_id,
        payments.order_id,
        payments.payment_date as attempted_at,
        payments.method as payment_method,
        payments.status as payment_status,
        payments.amount,
        coalesce(payment_statuses.is_received, false) as is_received,
        coalesce(payment_statuses.is_refunded, false) as is_refunded,
        coalesce(payment_statuses.is_failed, false) as is_failed

    from payments
    left join payment_statuses on payments.status = payment_statuses.status

),

final as (

    select
        cast(payment_id as bigint) as payment_id,
        cast('inventory_db-web-' || cast(order_id as string) as string) as order_id,
        cast(attempted_at as timestamp) as attempted_at,
        cast(attempted_at as date) as attempt_date,
        cast(payment_method as string) as payment_method,
        cast(payment_status as string) as payment_status,
        cast(is_received as boolean) as is_received,
        cast(is_refunded as boolean) as is_refunded,
        cast(is_failed as boolean) as is_failed,
        cast(amount as decimal(18, 2)) as amount,
        cast(case when is_received and not is_refunded then amount else 0 end as decimal(18, 2))
            as kept_amount

    from joined

)

select * from final
