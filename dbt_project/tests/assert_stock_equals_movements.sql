-- The stock of the last day is the sum of all movements, by product and location: the calendar, the
-- windows and the months that are built one by one neither lose nor repeat a unit.

{{ config(meta={'dagster': {'ref': {'name': 'fct_stock_daily'}}}) }}

with

movements as (

    select
        product_id,
        location_id,
        sum(quantity_change) as quantity

    from {{ ref('fct_stock_movements') }}
    group by
        product_id,
        location_id

),

last_day as (

    select max(date_day) as stock_date
    from {{ ref('business_days') }}

),

stock as (

    select
        fct_stock_daily.product_id,
        fct_stock_daily.location_id,
        fct_stock_daily.closing_quantity as quantity

    from {{ ref('fct_stock_daily') }} as fct_stock_daily
    inner join last_day on fct_stock_daily.stock_date = last_day.stock_date

)

select
    coalesce(movements.product_id, stock.product_id) as product_id,
    coalesce(movements.location_id, stock.location_id) as location_id,
    movements.quantity as moved_quantity,
    stock.quantity as stock_quantity

from movements
full join stock
    on movements.product_id = stock.product_id
    and movements.location_id = stock.location_id
where movements.quantity is distinct from stock.quantity
