with

sales_daily as (

    select * from {{ ref('kpi_sales_daily') }}

),

orders_daily as (

    select * from {{ ref('kpi_orders_daily') }}

),

days as (

    select date_day from {{ ref('dim_dates') }}

),

last_days as (

    select max(date_day) as last_day from days

),

daily as (

    select
        date_day,
        channel,
        0 as order_count,
        0 as postage_amount,
        units,
        gross_amount,
        tax_amount,
        taxed_gross_amount,
        sales_amount,
        refund_amount,
        net_amount,
        cost_amount,
        costed_amount,
        return_units

    from sales_daily

    union all

    select
        date_day,
        channel,
        order_count,
        postage_amount,
        0 as units,
        0 as gross_amount,
        null as tax_amount,
        0 as taxed_gross_amount,
        0 as sales_amount,
        0 as refund_amount,
        0 as net_amount,
        null as cost_amount,
        0 as costed_amount,
        0 as return_units

    from orders_daily

),

-- Every day belongs to three periods.
calendar as (

    select
        'day' as period_type,
        date_day as period_start_date,
        date_day as period_end_date,
        date_day

    from days

    union all

    select
        'week' as period_type,
        cast(date_trunc('week', date_day) as date) as period_start_date,
        cast(date_trunc('week', date_day) + interval '6' day as date) as period_end_date,
        date_day

    from days

    union all

    select
        'month' as period_type,
        cast(date_trunc('month', date_day) as date) as period_start_date,
        cast(date_trunc('month', date_day) + interval '1' month - interval '1' day as date)
            as period_end_date,
        date_day

    from days

),

-- A channel has every period from its first sale on, also those in which nothing happened, so the
-- row before is the period before.
channels as (

    select
        channel,
        min(date_day) as first_date

    from daily
    group by channel

    union all

    select
        'all' as channel,
        min(date_day) as first_date

    from daily

),

grid as (

    select distinct
        calendar.period_type,
        calendar.period_start_date,
        calendar.period_end_date,
        channels.channel,
        channels.first_date

    from calendar
    inner join channels on calendar.date_day >= channels.first_date

),

happened as (

    select
        calendar.period_type,
        calendar.period_start_date,
        daily.channel,
        sum(daily.order_count) as order_count,
        sum(daily.postage_amount) as postage_amount,
        sum(daily.units) as units,
        sum(daily.gross_amount) as gross_amount,
        sum(daily.tax_amount) as tax_amount,
        sum(daily.taxed_gross_amount) as taxed_gross_amount,
        sum(daily.sales_amount) as sales_amount,
        sum(daily.refund_amount) as refund_amount,
        sum(daily.net_amount) as net_amount,
        sum(daily.cost_amount) as cost_amount,
        sum(daily.costed_amount) as costed_amount,
        sum(daily.return_units) as return_units

    from daily
    inner join calendar on daily.date_day = calendar.date_day
    group by
        calendar.period_type,
        calendar.period_start_date,
        daily.channel

),

happened_anywhere as (

    select * from happened

    union all

    select
        period_type,
        period_start_date,
        'all' as channel,
        sum(order_count) as order_count,
        sum(postage_amount) as postage_amount,
        sum(units) as units,
        sum(gross_amount) as gross_amount,
        sum(tax_amount) as tax_amount,
        sum(taxed_gross_amount) as taxed_gross_amount,
        sum(sales_amount) as sales_amount,
        sum(refund_amount) as refund_amount,
        sum(net_amount) as net_amount,
        sum(cost_amount) as cost_amount,
        sum(costed_amount) as costed_amount,
        sum(return_units) as return_units

    from happened
    group by
        period_type,
        period_start_date

),

totals as (

    select
        grid.period_type,
        grid.period_start_date,
        grid.period_end_date,
        grid.channel,
        grid.period_start_date >= grid.first_date and grid.period_end_date <= last_days.last_day
            as is_complete,
        -- Fifty-two weeks, so that days and weeks meet the same weekdays; a month meets its name.
        case
            when grid.period_type = 'month'
                then cast(grid.period_start_date - interval '1' year as date)
            else cast(grid.period_start_date - interval '364' day as date)
        end as year_earlier_date,
        coalesce(happened_anywhere.order_count, 0) as order_count,
        coalesce(happened_anywhere.postage_amount, 0) as postage_amount,
        coalesce(happened_anywhere.units, 0) as units,
        coalesce(happened_anywhere.gross_amount, 0) as gross_amount,
        happened_anywhere.tax_amount,
        coalesce(happened_anywhere.taxed_gross_amount, 0) as taxed_gross_amount,
        coalesce(happened_anywhere.sales_amount, 0) as sales_amount,
        coalesce(happened_anywhere.refund_amount, 0) as refund_amount,
        coalesce(happened_anywhere.net_amount, 0) as net_amount,
        happened_anywhere.cost_amount,
        coalesce(happened_anywhere.costed_amount, 0) as costed_amount,
        coalesce(happened_anywhere.costed_amount, 0) - happened_anywhere.cost_amount
            as margin_amount,
        coalesce(happened_anywhere.return_units, 0) as return_units

    from grid
    cross join last_days
    left join happened_anywhere
        on grid.period_type = happened_anywhere.period_type
        and grid.period_start_date = happened_anywhere.period_start_date
        and grid.channel = happened_anywhere.channel

),

with_previous as (

    select
        *,
        lag(is_complete) over (
            partition by period_type, channel
            order by period_start_date asc nulls last
        ) as is_previous_complete,
        lag(order_count) over (
            partition by period_type, channel
            order by period_start_date asc nulls last
        ) as previous_order_count,
        lag(gross_amount) over (
            partition by period_type, channel
            order by period_start_date asc nulls last
        ) as previous_gross_amount,
        lag(net_amount) over (
            partition by period_type, channel
            order by period_start_date asc nulls last
        ) as previous_net_amount

    from totals

),

compared as (

    select
        with_previous.*,
        year_earlier.is_complete as is_year_earlier_complete,
        year_earlier.order_count as year_earlier_order_count,
        year_earlier.gross_amount as year_earlier_gross_amount,
        year_earlier.net_amount as year_earlier_net_amount

    from with_previous
    left join totals as year_earlier
        on with_previous.period_type = year_earlier.period_type
        and with_previous.channel = year_earlier.channel
        and with_previous.year_earlier_date = year_earlier.period_start_date

),

final as (

    select
        cast(period_type as string) as period_type,
        cast(period_start_date as date) as period_start_date,
        cast(period_end_date as date) as period_end_date,
        cast(channel as string) as channel,
        cast(is_complete as boolean) as is_complete,
        cast(order_count as bigint) as order_count,
        cast(units as bigint) as units,
        cast(gross_amount as decimal(18, 2)) as gross_amount,
        cast(postage_amount as decimal(18, 2)) as postage_amount,
        cast(tax_amount as decimal(18, 2)) as tax_amount,
        cast(taxed_gross_amount as decimal(18, 2)) as taxed_gross_amount,
        cast(sales_amount as decimal(18, 2)) as sales_amount,
        cast(refund_amount as decimal(18, 2)) as refund_amount,
        cast(net_amount as decimal(18, 2)) as net_amount,
        cast(cast(gross_amount as double) / nullif(order_count, 0) as decimal(18, 2))
            as average_order_amount,
        cast(cost_amount as decimal(18, 2)) as cost_amount,
        cast(costed_amount as decimal(18, 2)) as costed_amount,
        cast(cast(costed_amount as double) / nullif(sales_amount, 0) as double) as cost_coverage,
        cast(margin_amount as decimal(18, 2)) as margin_amount,
        cast(cast(margin_amount as double) / nullif(costed_amount, 0) as double) as margin_rate,
        cast(return_units as bigint) as return_units,
        cast(previous_order_count as bigint) as previous_order_count,
        cast(previous_gross_amount as decimal(18, 2)) as previous_gross_amount,
        cast(previous_net_amount as decimal(18, 2)) as previous_net_amount,
        cast(
            case
                when is_previous_complete
                    then cast(order_count - previous_order_count as double) / nullif(previous_order_count, 0)
            end as double
        ) as order_growth_rate,
        cast(
            case
                when is_previous_complete
                    then cast(gross_amount - previous_gross_amount as double) / nullif(previous_gross_amount, 0)
            end as double
        ) as gross_growth_rate,
        cast(
            case
                when is_previous_complete
                    then cast(net_amount - previous_net_amount as double) / nullif(previous_net_amount, 0)
            end as double
        ) as net_growth_rate,
        cast(year_earlier_order_count as bigint) as year_earlier_order_count,
        cast(year_earlier_gross_amount as decimal(18, 2)) as year_earlier_gross_amount,
        cast(year_earlier_net_amount as decimal(18, 2)) as year_earlier_net_amount,
        cast(
            case
                when is_year_earlier_complete
                    then cast(order_count - year_earlier_order_count as double) / nullif(year_earlier_order_count, 0)
            end as double
        ) as yearly_order_growth_rate,
        cast(
            case
                when is_year_earlier_complete
                    then cast(gross_amount - year_earlier_gross_amount as double) / nullif(year_earlier_gross_amount, 0)
            end as double
        ) as yearly_gross_growth_rate,
        cast(
            case
                when is_year_earlier_complete
                    then cast(net_amount - year_earlier_net_amount as double) / nullif(year_earlier_net_amount, 0)
            end as double
        ) as yearly_net_growth_rate

    from compared

)

select * from final
