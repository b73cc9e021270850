-- The order search tells what the details do not, and the other way round. An order that only one
-- of them has told of is in no mart, so nothing is published until both have.

{{ config(meta={'dagster': {'ref': {'name': 'stg_linnworks__processed_order_details'}}}) }}

with

searched as (

    select * from {{ ref('stg_linnworks__processed_orders') }}

),

details as (

    select * from {{ ref('stg_linnworks__processed_order_details') }}

)

select
    searched.order_id as searched_order_id,
    details.order_id as detailed_order_id

from searched
full outer join details on searched.order_id = details.order_id
where searched.order_id is null or details.order_id is null
