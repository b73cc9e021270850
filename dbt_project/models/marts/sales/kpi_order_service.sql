with

orders as (

    select * from {{ ref('fct_orders') }}
    where is_sale and not is_resend

),

order_lines as (

    select * from {{ ref('fct_order_lines') }}
    where is_sale and not is_resend

),

returns as (

    select * from {{ ref('fct_returns') }}
    where is_sale and sale_date is not null

),

last_days as (

    select max(date_day) as last_day from {{ ref('dim_dates') }}

),

-- An order that is overdue and still here is as late as one that left late.
served as (

    select
        cast(date_trunc('month', orders.order_date) as date) as month_start_date,
        coalesce(orders.channel, 'unknown') as channel,
        case when orders.order_state = 'open' then 1 else 0 end as is_open,
        case when orders.despatched_at < orders.ordered_at then 1 else 0 end as is_negative,
        case
            when orders.despatched_at >= orders.ordered_at
                then {{ hours_between('orders.ordered_at', 'orders.despatched_at') }}
        end as cycle_hours,
        case
            when orders.despatch_by_at is null then 0
            when orders.despatched_at is not null then 1
            when cast(orders.despatch_by_at as date) <= last_days.last_day then 1
            else 0
        end as is_due,
        case when orders.despatched_at <= orders.despatch_by_at then 1 else 0 end as is_on_time

    from orders
    cross join last_days

),

order_totals as (

    select
        month_start_date,
        channel,
        count(*) as order_count,
        sum(is_open) as open_order_count,
        count(cycle_hours) as timed_order_count,
        sum(is_negative) as negative_cycle_count,
        percentile_cont(0.5) within group (order by cycle_hours) as median_cycle_hours,
        percentile_cont(0.9) within group (order by cycle_hours) as p90_cycle_hours,
        sum(is_due) as due_order_count,
        sum(is_on_time) as on_time_order_count

    from served
    group by
        month_start_date,
        channel

),

-- A service is revenue, but nothing of it can be sent.
sold_lines as (

    select
        cast(date_trunc('month', order_date) as date) as month_start_date,
        coalesce(channel, 'unknown') as channel,
        gross_amount,
        case when not is_service then quantity end as units,
        case when not is_service then despatched_quantity end as despatched_units

    from order_lines

),

line_totals as (

    select
        month_start_date,
        channel,
        sum(units) as units,
        sum(gross_amount) as gross_amount,
        sum(case when despatched_units is not null then units else 0 end) as tracked_units,
        sum(despatched_units) as despatched_units,
        count(despatched_units) as tracked_line_count,
        sum(case when despatched_units >= units then 1 else 0 end) as complete_line_count

    from sold_lines
    group by
        month_start_date,
        channel

),

return_totals as (

    select
        cast(date_trunc('month', sale_date) as date) as month_start_date,
        coalesce(channel, 'unknown') as channel,
        sum(case when return_type = 'resend' then 0 else quantity end) as return_units,
        sum(refund_amount) as refund_amount

    from returns
    group by
        cast(date_trunc('month', sale_date) as date),
        coalesce(channel, 'unknown')

),

-- Where no return names its order, nothing is known of what comes back.
telling as (

    select distinct coalesce(channel, 'unknown') as channel

    from returns
    where order_id is not null

),

final as (

    select
        cast(order_totals.month_start_date as date) as month_start_date,
        cast(order_totals.channel as string) as channel,
        cast(order_totals.order_count as bigint) as order_count,
        cast(order_totals.open_order_count as bigint) as open_order_count,
        cast(order_totals.timed_order_count as bigint) as timed_order_count,
        cast(order_totals.negative_cycle_count as bigint) as negative_cycle_count,
        cast(order_totals.median_cycle_hours as double) as median_cycle_hours,
        cast(order_totals.p90_cycle_hours as double) as p90_cycle_hours,
        cast(order_totals.due_order_count as bigint) as due_order_count,
        cast(order_totals.on_time_order_count as bigint) as on_time_order_count,
        cast(
            cast(order_totals.on_time_order_count as double)
            / nullif(order_totals.due_order_count, 0)
            as double
        ) as on_time_rate,
        cast(coalesce(line_totals.units, 0) as bigint) as units,
        cast(coalesce(line_totals.tracked_units, 0) as bigint) as tracked_units,
        cast(coalesce(line_totals.despatched_units, 0) as bigint) as despatched_units,
        cast(
            cast(line_totals.despatched_units as double) / nullif(line_totals.tracked_units, 0)
            as double
        ) as fill_rate,
        cast(coalesce(line_totals.tracked_line_count, 0) as bigint) as tracked_line_count,
        cast(coalesce(line_totals.complete_line_count, 0) as bigint) as complete_line_count,
        cast(
            cast(line_totals.complete_line_count as double)
            / nullif(line_totals.tracked_line_count, 0)
            as double
        ) as line_fill_rate,
        cast(case
            when telling.channel is not null then coalesce(return_totals.return_units, 0)
        end as bigint) as return_units,
        cast(
            cast(case
                when telling.channel is not null then coalesce(return_totals.return_units, 0)
            end as double) / nullif(line_totals.units, 0)
            as double
        ) as return_rate,
        cast(coalesce(line_totals.gross_amount, 0) as decimal(18, 2)) as gross_amount,
        cast(case
            when telling.channel is not null then coalesce(return_totals.refund_amount, 0)
        end as decimal(18, 2)) as refund_amount,
        cast(
            cast(case
                when telling.channel is not null then coalesce(return_totals.refund_amount, 0)
            end as double)
            / nullif(line_totals.gross_amount, 0)
            as double
        ) as refund_share

    from order_totals
    left join line_totals
        on order_totals.month_start_date = line_totals.month_start_date
        and order_totals.channel = line_totals.channel
    left join return_totals
        on order_totals.month_start_date = return_totals.month_start_date
        and order_totals.channel = return_totals.channel
    left join telling on order_totals.channel = telling.channel

)

select * from final
