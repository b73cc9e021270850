-- A product's days reach from its first movement to the last day on which any product moved. A day
-- that is missing at either end is a product missing from that day's stock, and no other test sees
-- it: the days that are there still add up and have no holes between them.

{{ config(meta={'dagster': {'ref': {'name': 'fct_stock_daily'}}}) }}

with

movements as (

    select
        product_id,
        min(movement_date) as first_day

    from {{ ref('fct_stock_movements') }}
    group by product_id

),

last_movement as (

    select max(movement_date) as last_day
    from {{ ref('fct_stock_movements') }}

),

stock as (

    select
        product_id,
        min(stock_date) as first_day,
        max(stock_date) as last_day

    from {{ ref('fct_stock_daily') }}
    group by product_id

)

select
    coalesce(movements.product_id, stock.product_id) as product_id,
    movements.first_day as first_movement,
    stock.first_day,
    last_movement.last_day as last_movement,
    stock.last_day

from movements
cross join last_movement
full join stock on movements.product_id = stock.product_id
where stock.first_day is distinct from movements.first_day
    or stock.last_day is distinct from last_movement.last_day
