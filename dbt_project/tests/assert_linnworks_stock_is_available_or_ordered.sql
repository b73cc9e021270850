-- What is available is what is there minus what open orders wait for. Reorder points are compared
-- with it, so a level that Linnworks has not brought up to date is worth knowing.

{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_linnworks__stock_item_levels'}}}) }}

with

levels as (

    select * from {{ ref('stg_linnworks__stock_item_levels') }}

)

select
    stock_item_id,
    stock_location_id,
    stock_level,
    in_orders,
    available

from levels
where available is distinct from stock_level - in_orders
