with

orders as (

    select * from {{ ref('fct_orders') }}
    where is_sale and not is_resend and customer_id is not null

),

order_lines as (

    select * from {{ ref('fct_order_lines') }}
    where is_sale and not is_resend and customer_id is not null

),

returns as (

    select * from {{ ref('fct_returns') }}
    where coalesce(is_sale, true) and customer_id is not null

),

last_days as (

    select max(date_day) as last_day from {{ ref('dim_dates') }}

),

order_totals as (

    select
        customer_id,
        count(*) as order_count,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date

    from orders
    group by customer_id

),

line_totals as (

    select
        customer_id,
        sum(gross_amount) as gross_amount,
        sum(net_amount) as sales_amount

    from order_lines
    group by customer_id

),

return_totals as (

    select
        customer_id,
        sum(refund_amount) as refund_amount,
        sum(refund_amount - coalesce(refund_tax_amount, 0)) as refund_net_amount

    from returns
    group by customer_id

),

customers as (

    select
        order_totals.customer_id,
        last_days.last_day,
        order_totals.order_count,
        order_totals.first_order_date,
        order_totals.last_order_date,
        {{ days_between('order_totals.last_order_date', 'last_days.last_day') }} as recency_days,
        coalesce(line_totals.gross_amount, 0) as gross_amount,
        coalesce(return_totals.refund_amount, 0) as refund_amount,
        coalesce(line_totals.sales_amount, 0) - coalesce(return_totals.refund_net_amount, 0)
            as lifetime_value

    from order_totals
    cross join last_days
    left join line_totals on order_totals.customer_id = line_totals.customer_id
    left join return_totals on order_totals.customer_id = return_totals.customer_id

),

-- Fifths of the customers, five being the best. Equal customers are parted by what they are worth.
scored as (

    select
        *,
        ntile(5) over (
            order by
                last_order_date asc nulls first,
                lifetime_value asc nulls first,
                customer_id asc nulls first
        ) as recency_score,
        ntile(5) over (
            order by
                order_count asc nulls first,
                lifetime_value asc nulls first,
                customer_id asc nulls first
        ) as frequency_score,
        ntile(5) over (
            order by
                lifetime_value asc nulls first,
                customer_id asc nulls first
        ) as monetary_score,
        row_number() over (
            order by lifetime_value desc nulls last, customer_id asc nulls last
        ) as value_rank

    from customers

),

final as (

    select
        cast(customer_id as string) as customer_id,
        cast(last_day as date) as as_of_date,
        cast(order_count as bigint) as order_count,
        cast(first_order_date as date) as first_order_date,
        cast(last_order_date as date) as last_order_date,
        cast(recency_days as bigint) as recency_days,
        cast(gross_amount as decimal(18, 2)) as gross_amount,
        cast(refund_amount as decimal(18, 2)) as refund_amount,
        cast(lifetime_value as decimal(18, 2)) as lifetime_value,
        cast(cast(gross_amount as double) / nullif(order_count, 0) as decimal(18, 2))
            as average_order_amount,
        cast(value_rank as bigint) as value_rank,
        cast(recency_score as integer) as recency_score,
        cast(frequency_score as integer) as frequency_score,
        cast(monetary_score as integer) as monetary_score,
        cast(case
            when recency_score >= 4 and frequency_score >= 4 then 'champions'
            when recency_score >= 3 and frequency_score >= 3 then 'loyal'
            when recency_score >= 4 then 'recent'
            when recency_score = 3 then 'promising'
            when frequency_score >= 3 then 'at risk'
            when recency_score = 2 then 'sleeping'
            else 'lost'
        end as string) as segment

    from scored

)

select * from final
