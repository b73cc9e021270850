-- Every order that counts is counted once, and its goods are worth here what they are worth by
-- category; otherwise average order values and revenue do not belong together.

{{ config(meta={'dagster': {'ref': {'name': 'kpi_orders_daily'}}}) }}

with

fact_totals as (

    select
        coalesce(sum(case when is_sale then 1 else 0 end), 0) as order_count,
        coalesce(sum(case when is_cancelled then 1 else 0 end), 0) as cancelled_order_count

    from {{ ref('fct_orders') }}
    where not is_resend

),

sales_totals as (

    select
        coalesce(sum(units), 0) as units,
        coalesce(sum(gross_amount), 0) as gross_amount

    from {{ ref('kpi_sales_daily') }}

),

kpi_totals as (

    select
        coalesce(sum(order_count), 0) as kpi_order_count,
        coalesce(sum(cancelled_order_count), 0) as kpi_cancelled_order_count,
        coalesce(sum(units), 0) as kpi_units,
        coalesce(sum(gross_amount), 0) as kpi_gross_amount

    from {{ ref('kpi_orders_daily') }}

)

select
    fact_totals.*,
    sales_totals.units as sales_units,
    sales_totals.gross_amount as sales_gross_amount,
    kpi_totals.*

from fact_totals
cross join sales_totals
cross join kpi_totals
where fact_totals.order_count <> kpi_totals.kpi_order_count
    or fact_totals.cancelled_order_count <> kpi_totals.kpi_cancelled_order_count
    or sales_totals.units <> kpi_totals.kpi_units
    or sales_totals.gross_amount <> kpi_totals.kpi_gross_amount
