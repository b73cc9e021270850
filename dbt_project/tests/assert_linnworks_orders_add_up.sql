-- Lines with tax, plus postage, minus the discount, are what the customer pays. Linnworks works the
-- total out by itself, so a difference is its own; margins by product would miss it.

{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'orders__linnworks'}}}) }}

with

orders as (

    select * from {{ ref('orders__linnworks') }}

),

order_lines as (

    select * from {{ ref('order_lines__linnworks') }}

),

line_totals as (

    select
        order_id,
        sum(gross_amount) as gross_amount

    from order_lines
    group by order_id

)

select
    orders.order_id,
    orders.total_amount,
    orders.postage_amount,
    line_totals.gross_amount

from orders
left join line_totals on orders.order_id = line_totals.order_id
where abs(
    coalesce(line_totals.gross_amount, 0) + orders.postage_amount - orders.total_amount
) > 0.005
