-- Days, weeks and months are the same sales cut differently, and all channels are the sum of each.
-- A sale on a day that the calendar lacks would be missing from every period.

{{ config(meta={'dagster': {'ref': {'name': 'kpi_sales_periods'}}}) }}

with

daily as (

    select
        coalesce(sum(units), 0) as units,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(net_amount), 0) as net_amount

    from {{ ref('kpi_sales_daily') }}

),

orders_daily as (

    select coalesce(sum(order_count), 0) as order_count
    from {{ ref('kpi_orders_daily') }}

),

periods as (

    select
        period_type,
        channel = 'all' as is_all_channels,
        sum(order_count) as order_count,
        sum(units) as units,
        sum(gross_amount) as gross_amount,
        sum(net_amount) as net_amount

    from {{ ref('kpi_sales_periods') }}
    group by
        period_type,
        channel = 'all'

)

select
    periods.*,
    orders_daily.order_count as daily_order_count,
    daily.units as daily_units,
    daily.gross_amount as daily_gross_amount,
    daily.net_amount as daily_net_amount

from periods
cross join daily
cross join orders_daily
where periods.order_count <> orders_daily.order_count
    or periods.units <> daily.units
    or periods.gross_amount <> daily.gross_amount
    or periods.net_amount <> daily.net_amount
