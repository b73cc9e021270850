-- What is owed, minus what was paid and kept, is the balance, and what was paid is what the single
-- payments say. Dunning and refunds go by the balance, so it has to be exact to the cent. An order of
-- a month that is not built anew waits with the payments it had: the load tells, as does late_data.

{{ config(meta={'dagster': {'ref': {'name': 'fct_orders'}}}) }}

with

payments as (

    select
        order_id,
        count(*) as payment_count,
        sum(kept_amount) as kept_amount,
        sum(case when is_refunded then amount else 0 end) as refunded_amount

    from {{ ref('fct_payments') }}
    group by order_id

)

select
    fct_orders.order_id,
    fct_orders.due_amount,
    fct_orders.paid_amount,
    fct_orders.balance_amount,
    payments.kept_amount,
    payments.refunded_amount

from {{ ref('fct_orders') }} as fct_orders
left join {{ ref('orders') }} as orders on fct_orders.order_id = orders.order_id
left join payments on fct_orders.order_id = payments.order_id
where fct_orders.due_amount - fct_orders.paid_amount <> fct_orders.balance_amount
    or (
        fct_orders.last_load_id = orders.last_load_id
        and (
            fct_orders.paid_amount <> coalesce(payments.kept_amount, 0)
            or fct_orders.refunded_amount <> coalesce(payments.refunded_amount, 0)
            or fct_orders.payment_count <> coalesce(payments.payment_count, 0)
        )
    )
