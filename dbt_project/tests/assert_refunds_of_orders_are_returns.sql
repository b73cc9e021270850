-- What an order of a sale says was sent back is what the returns say of it; otherwise refunds are
-- missing from the key figures, or there twice. An order whose month waits to be built is as it was.

{{ config(meta={'dagster': {'ref': {'name': 'fct_returns'}}}) }}

with

refunds as (

    select
        order_id,
        sum(refund_amount) as refund_amount

    from {{ ref('fct_returns') }}
    group by order_id

)

select
    fct_orders.order_id,
    fct_orders.refunded_amount,
    refunds.refund_amount

from {{ ref('fct_orders') }} as fct_orders
inner join {{ ref('orders') }} as orders
    on fct_orders.order_id = orders.order_id
    and fct_orders.last_load_id = orders.last_load_id
left join refunds on fct_orders.order_id = refunds.order_id
where fct_orders.is_sale
    and fct_orders.refunded_amount <> cast(coalesce(refunds.refund_amount, 0) as decimal(18, 2))
