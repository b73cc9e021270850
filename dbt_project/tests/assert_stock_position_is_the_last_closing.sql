-- What is on hand now is what the last day closed with, for every product and location.

{{ config(meta={'dagster': {'ref': {'name': 'fct_stock_position'}}}) }}

with

last_day as (

    select max(stock_date) as stock_date
    from {{ ref('fct_stock_daily') }}

),

closing as (

    select
        fct_stock_daily.product_id,
        fct_stock_daily.location_id,
        fct_stock_daily.closing_quantity

    from {{ ref('fct_stock_daily') }} as fct_stock_daily
    inner join last_day on fct_stock_daily.stock_date = last_day.stock_date

),

positions as (

    select
        product_id,
        location_id,
        on_hand

    from {{ ref('fct_stock_position') }}

)

select
    coalesce(closing.product_id, positions.product_id) as product_id,
    coalesce(closing.location_id, positions.location_id) as location_id,
    closing.closing_quantity,
    positions.on_hand

from closing
full join positions
    on closing.product_id = positions.product_id
    and closing.location_id = positions.location_id
where coalesce(closing.closing_quantity, 0) is distinct from coalesce(positions.on_hand, 0)
