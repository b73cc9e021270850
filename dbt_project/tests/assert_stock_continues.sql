-- A day opens with what the day before closed with, and a first day with nothing: months that are
-- built at different times join without a step.

{{ config(meta={'dagster': {'ref': {'name': 'fct_stock_daily'}}}) }}

with

days as (

    select
        product_id,
        location_id,
        stock_date,
        opening_quantity,
        lag(closing_quantity) over (
            partition by product_id, location_id
            order by stock_date asc nulls first
        ) as closing_quantity_before

    from {{ ref('fct_stock_daily') }}

)

select
    product_id,
    location_id,
    stock_date,
    opening_quantity,
    closing_quantity_before

from days
where opening_quantity <> coalesce(closing_quantity_before, 0)
