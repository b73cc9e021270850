with

orders as (

    select * from {{ ref('fct_orders') }}
    where is_sale and not is_resend and customer_id is not null

),

numbered as (

    select
        cast(date_trunc('month', order_date) as date) as month_start_date,
        channel,
        customer_id,
        row_number() over (
            partition by customer_id
            order by ordered_at asc nulls last, order_id asc nulls last
        ) as order_number

    from orders

),

with_all_channels as (

    select
        month_start_date,
        coalesce(channel, 'unknown') as channel,
        customer_id,
        order_number

    from numbered

    union all

    select
        month_start_date,
        'all' as channel,
        customer_id,
        order_number

    from numbered

),

totals as (

    select
        month_start_date,
        channel,
        count(*) as order_count,
        count(distinct customer_id) as customer_count,
        sum(case when order_number = 1 then 1 else 0 end) as new_customer_count,
        count(distinct case when order_number > 1 then customer_id end) as repeat_customer_count

    from with_all_channels
    group by
        month_start_date,
        channel

),

final as (

    select
        cast(month_start_date as date) as month_start_date,
        cast(channel as string) as channel,
        cast(order_count as bigint) as order_count,
        cast(customer_count as bigint) as customer_count,
        cast(new_customer_count as bigint) as new_customer_count,
        cast(repeat_customer_count as bigint) as repeat_customer_count,
        cast(cast(repeat_customer_count as double) / nullif(customer_count, 0) as double)
            as repeat_rate

    from totals

)

select * from final
