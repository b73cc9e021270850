-- Days, weeks and months are the same sales cut differently, and all channels are the sum of each: every
-- row says what its days say, rounded after adding up. A sale on a day that the calendar lacks would be
-- missing from every period.

{{ config(meta={'dagster': {'ref': {'name': 'kpi_sales_periods'}}}) }}

with

sales_daily as (

    select * from {{ ref('kpi_sales_daily') }}

),

orders_daily as (

    select * from {{ ref('kpi_orders_daily') }}

),

daily as (

    select
        date_day,
        channel,
        0 as order_count,
        units,
        gross_amount,
        net_amount

    from sales_daily

    union all

    select
        date_day,
        channel,
        order_count,
        0 as units,
        0 as gross_amount,
        0 as net_amount

    from orders_daily

),

daily_anywhere as (

    select * from daily

    union all

    select
        date_day,
        'all' as channel,
        order_count,
        units,
        gross_amount,
        net_amount

    from daily

),

expected as (
{% for period_type in ['day', 'week', 'month'] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ period_type }}' as period_type,
        cast(date_trunc('{{ period_type }}', date_day) as date) as period_start_date,
        channel,
        sum(order_count) as order_count,
        sum(units) as units,
        cast(sum(gross_amount) as decimal(18, 2)) as gross_amount,
        cast(sum(net_amount) as decimal(18, 2)) as net_amount

    from daily_anywhere
    group by
        cast(date_trunc('{{ period_type }}', date_day) as date),
        channel
{% endfor %}
),

periods as (

    select * from {{ ref('kpi_sales_periods') }}

)

select
    coalesce(periods.period_type, expected.period_type) as period_type,
    coalesce(periods.period_start_date, expected.period_start_date) as period_start_date,
    coalesce(periods.channel, expected.channel) as channel,
    periods.order_count,
    periods.units,
    periods.gross_amount,
    periods.net_amount,
    expected.order_count as expected_order_count,
    expected.units as expected_units,
    expected.gross_amount as expected_gross_amount,
    expected.net_amount as expected_net_amount

from periods
full join expected
    on periods.period_type = expected.period_type
    and periods.period_start_date = expected.period_start_date
    and periods.channel = expected.channel
where coalesce(periods.order_count, 0) <> coalesce(expected.order_count, 0)
    or coalesce(periods.units, 0) <> coalesce(expected.units, 0)
    or coalesce(periods.gross_amount, 0) <> coalesce(expected.gross_amount, 0)
    or coalesce(periods.net_amount, 0) <> coalesce(expected.net_amount, 0)
