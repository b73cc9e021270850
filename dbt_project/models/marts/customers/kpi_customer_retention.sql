with

orders as (

    select * from {{ ref('fct_orders') }}
    where is_sale and not is_resend and customer_id is not null

),

order_lines as (

    select * from {{ ref('fct_order_lines') }}
    where is_sale and not is_resend and customer_id is not null

),

days as (

    select * from {{ ref('dim_dates') }}

),

months as (

    select
        month_start_date,
        cast(month_start_date + interval '1' month - interval '1' day as date) as month_end_date

    from days
    group by month_start_date

),

last_days as (

    select max(date_day) as last_day from days

),

members as (

    select
        customer_id,
        cast(date_trunc('month', min(order_date)) as date) as cohort_month_date

    from orders
    group by customer_id

),

cohorts as (

    select
        cohort_month_date,
        count(*) as customer_count

    from members
    group by cohort_month_date

),

-- Every month since the cohort's first is there, also one in which nobody bought.
grid as (

    select
        cohorts.cohort_month_date,
        cohorts.customer_count,
        months.month_start_date,
        months.month_end_date <= last_days.last_day as is_complete,
        12 * (
            extract(year from months.month_start_date)
            - extract(year from cohorts.cohort_month_date)
        )
        + extract(month from months.month_start_date)
        - extract(month from cohorts.cohort_month_date) as months_since_first_order

    from cohorts
    inner join months on cohorts.cohort_month_date <= months.month_start_date
    cross join last_days

),

active as (

    select
        members.cohort_month_date,
        cast(date_trunc('month', orders.order_date) as date) as month_start_date,
        count(distinct orders.customer_id) as active_customer_count,
        count(*) as order_count

    from orders
    inner join members on orders.customer_id = members.customer_id
    group by
        members.cohort_month_date,
        cast(date_trunc('month', orders.order_date) as date)

),

revenue as (

    select
        members.cohort_month_date,
        cast(date_trunc('month', order_lines.order_date) as date) as month_start_date,
        sum(order_lines.gross_amount) as gross_amount

    from order_lines
    inner join members on order_lines.customer_id = members.customer_id
    group by
        members.cohort_month_date,
        cast(date_trunc('month', order_lines.order_date) as date)

),

joined as (

    select
        grid.cohort_month_date,
        grid.months_since_first_order,
        grid.month_start_date,
        grid.is_complete,
        grid.customer_count,
        coalesce(active.active_customer_count, 0) as active_customer_count,
        coalesce(active.order_count, 0) as order_count,
        coalesce(revenue.gross_amount, 0) as gross_amount

    from grid
    left join active
        on grid.cohort_month_date = active.cohort_month_date
        and grid.month_start_date = active.month_start_date
    left join revenue
        on grid.cohort_month_date = revenue.cohort_month_date
        and grid.month_start_date = revenue.month_start_date

),

accumulated as (

    select
        *,
        sum(gross_amount) over (
            partition by cohort_month_date
            order by month_start_date asc nulls last
            rows between unbounded preceding and current row
        ) as cumulative_gross_amount

    from joined

),

final as (

    select
        cast(cohort_month_date as date) as cohort_month_date,
        cast(months_since_first_order as integer) as months_since_first_order,
        cast(month_start_date as date) as month_start_date,
        cast(is_complete as boolean) as is_complete,
        cast(customer_count as bigint) as customer_count,
        cast(active_customer_count as bigint) as active_customer_count,
        cast(cast(active_customer_count as double) / nullif(customer_count, 0) as double)
            as retention_rate,
        cast(order_count as bigint) as order_count,
        cast(gross_amount as decimal(18, 2)) as gross_amount,
        cast(cumulative_gross_amount as decimal(18, 2)) as cumulative_gross_amount,
        cast(
            cast(cumulative_gross_amount as double) / nullif(customer_count, 0)
            as decimal(18, 2)
        ) as cumulative_gross_per_customer_amount

    from accumulated

)

select * from final
