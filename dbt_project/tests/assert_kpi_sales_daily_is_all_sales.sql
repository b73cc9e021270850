-- Every sold line and every refund is in exactly one row of the day's figures; otherwise revenue by
-- day, channel, category and country is not the revenue.

{{ config(meta={'dagster': {'ref': {'name': 'kpi_sales_daily'}}}) }}

with

facts as (

    select
        sum(case when is_service then 0 else quantity end) as units,
        sum(gross_amount) as gross_amount,
        sum(cost_amount) as cost_amount,
        0 as refund_amount

    from {{ ref('fct_order_lines') }}
    where is_sale and not is_resend

    union all

    select
        0 as units,
        0 as gross_amount,
        0 as cost_amount,
        sum(refund_amount) as refund_amount

    from {{ ref('fct_returns') }}
    where coalesce(is_sale, true)

),

fact_totals as (

    select
        coalesce(sum(units), 0) as units,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(cost_amount), 0) as cost_amount,
        coalesce(sum(refund_amount), 0) as refund_amount

    from facts

),

kpi_totals as (

    select
        coalesce(sum(units), 0) as kpi_units,
        coalesce(sum(gross_amount), 0) as kpi_gross_amount,
        coalesce(sum(cost_amount), 0) as kpi_cost_amount,
        coalesce(sum(refund_amount), 0) as kpi_refund_amount

    from {{ ref('kpi_sales_daily') }}

)

select
    fact_totals.*,
    kpi_totals.*

from fact_totals
cross join kpi_totals
where fact_totals.units <> kpi_totals.kpi_units
    or fact_totals.gross_amount <> kpi_totals.kpi_gross_amount
    or fact_totals.cost_amount <> kpi_totals.kpi_cost_amount
    or fact_totals.refund_amount <> kpi_totals.kpi_refund_amount
