-- A product's days in a location reach from its first movement there to the last day of business. A
-- day that is missing at either end is a product missing from that day's stock, and no other test
-- sees it: the days that are there still add up and have no holes between them.

{{ config(meta={'dagster': {'ref': {'name': 'fct_stock_daily'}}}) }}

with

movements as (

    select
        product_id,
        location_id,
        min(movement_date) as first_day

    from {{ ref('fct_stock_movements') }}
    group by
        product_id,
        location_id

),

last_business_day as (

    select max(date_day) as last_day
    from {{ ref('business_days') }}

),

stock as (

    select
        product_id,
        location_id,
        min(stock_date) as first_day,
        max(stock_date) as last_day

    from {{ ref('fct_stock_daily') }}
    group by
        product_id,
        location_id

)

select
    coalesce(movements.product_id, stock.product_id) as product_id,
    coalesce(movements.location_id, stock.location_id) as location_id,
    movements.first_day as first_movement,
    stock.first_day,
    last_business_day.last_day as last_business_day,
    stock.last_day

from movements
cross join last_business_day
full join stock
    on movements.product_id = stock.product_id
    and movements.location_id = stock.location_id
where stock.first_day is distinct from movements.first_day
    or stock.last_day is distinct from last_business_day.last_day
