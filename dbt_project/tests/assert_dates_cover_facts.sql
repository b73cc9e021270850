-- Reports join facts to the calendar; a fact on a day that the calendar lacks would vanish from
-- them without a trace.

{{ config(meta={'dagster': {'ref': {'name': 'dim_dates'}}}) }}

with

days as (

    select movement_date as date_day from {{ ref('fct_stock_movements') }}
    union
    select order_date as date_day from {{ ref('fct_orders') }}
    union
    select return_date as date_day from {{ ref('fct_returns') }}
    union
    select refund_date as date_day from {{ ref('fct_returns') }}
    union
    select attempt_date as date_day from {{ ref('fct_payments') }}
    union
    select order_date as date_day from {{ ref('fct_purchase_orders') }}
    union
    select delivery_date as date_day from {{ ref('fct_purchase_orders') }}

)

select days.date_day
from days
left join {{ ref('dim_dates') }} as dim_dates on days.date_day = dim_dates.date_day
where days.date_day is not null and dim_dates.date_day is null
