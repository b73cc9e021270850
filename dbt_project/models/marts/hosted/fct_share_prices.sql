with

prices as (

    select * from {{ ref('stg_nvidia_prices__daily_prices') }}

),

compared as (

    select
        *,
        lag(adjusted_close_usd) over (order by trading_date asc nulls last)
            as previous_adjusted_close_usd,
        count(*) over (
            order by trading_date asc nulls last rows between 49 preceding and current row
        ) as days_averaged,
        avg(cast(adjusted_close_usd as double)) over (
            order by trading_date asc nulls last rows between 49 preceding and current row
        ) as average_usd

    from prices

),

final as (

    select
        cast(trading_date as date) as trading_date,
        cast(open_usd as decimal(18, 6)) as open_usd,
        cast(high_usd as decimal(18, 6)) as high_usd,
        cast(low_usd as decimal(18, 6)) as low_usd,
        cast(close_usd as decimal(18, 6)) as close_usd,
        cast(adjusted_close_usd as decimal(18, 6)) as adjusted_close_usd,
        cast(volume as bigint) as volume,
        cast(
            cast(adjusted_close_usd as double) / cast(previous_adjusted_close_usd as double) - 1
            as double
        ) as daily_return,
        cast(case when days_averaged = 50 then average_usd end as decimal(18, 6))
            as average_50_days_usd

    from compared

)

select * from final
