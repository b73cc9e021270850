with

orders as (

    select * from {{ ref('fct_orders') }}

),

order_lines as (

    select * from {{ ref('fct_order_lines') }}

),

-- Orders are counted by themselves and their goods by their lines, so that revenue is the same here
-- as in every other mart.
counted as (

    select
        order_date as date_day,
        channel,
        country,
        case when is_sale then 1 else 0 end as order_count,
        case when is_cancelled then 1 else 0 end as cancelled_order_count,
        case when is_sale then postage_amount else 0 end as postage_amount,
        0 as units,
        0 as gross_amount

    from orders
    where (is_sale or is_cancelled) and not is_resend

    union all

    select
        order_date as date_day,
        channel,
        country,
        0 as order_count,
        0 as cancelled_order_count,
        0 as postage_amount,
        case when is_service then 0 else quantity end as units,
        gross_amount

    from order_lines
    where is_sale and not is_resend

),

totals as (

    select
        date_day,
        coalesce(channel, 'unknown') as channel,
        coalesce(country, 'unknown') as country,
        sum(order_count) as order_count,
        sum(cancelled_order_count) as cancelled_order_count,
        sum(order_count) + sum(cancelled_order_count) as placed_order_count,
        sum(units) as units,
        sum(gross_amount) as gross_amount,
        sum(postage_amount) as postage_amount

    from counted
    group by
        date_day,
        coalesce(channel, 'unknown'),
        coalesce(country, 'unknown')

),

final as (

    select
        cast(date_day as date) as date_day,
        cast(channel as string) as channel,
        cast(country as string) as country,
        cast(order_count as bigint) as order_count,
        cast(units as bigint) as units,
        cast(gross_amount as decimal(18, 4)) as gross_amount,
        cast(postage_amount as decimal(18, 4)) as postage_amount,
        cast(cast(gross_amount as double) / nullif(order_count, 0) as decimal(18, 2))
            as average_order_amount,
        cast(cast(units as double) / nullif(order_count, 0) as double) as units_per_order,
        cast(cancelled_order_count as bigint) as cancelled_order_count,
        cast(placed_order_count as bigint) as placed_order_count,
        cast(cast(cancelled_order_count as double) / nullif(placed_order_count, 0) as double)
            as cancellation_rate

    from totals

)

select * from final
