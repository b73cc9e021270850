-- A competitor counts once for each product, with its cheapest offer. Offers not seen lately and
-- prices that do not compare (a range, another currency) are left out.

with

today as (

    select max(date_day) as date_day
    from {{ ref('business_days') }}

),

offers as (

    select
        prices.offer_id,
        prices.product_id,
        prices.competitor_name,
        prices.competitor_price,
        prices.our_price,
        prices.last_seen_at,
        row_number() over (
            partition by prices.product_id, prices.competitor_name
            order by prices.competitor_price asc nulls last, prices.offer_id asc nulls last
        ) as cheapest_of_competitor,
        row_number() over (
            partition by prices.product_id
            order by prices.competitor_price asc nulls last, prices.offer_id asc nulls last
        ) as cheapest_of_all

    from {{ ref('fct_competitor_prices') }} as prices
    cross join today
    where
        prices.is_comparable
        and {{ days_between('prices.last_seen_at', 'today.date_day') }}
        <= {{ var('fresh_offer_days', 30) }}

),

positions as (

    select
        product_id,
        max(our_price) as our_price,
        count(*) as competitors,
        sum(case when competitor_price < our_price then 1 else 0 end) as cheaper_competitors,
        min(competitor_price) as cheapest_price,
        {{ percentile('competitor_price', 0.5) }} as median_price,
        max(case when cheapest_of_all = 1 then offer_id end) as cheapest_offer_id,
        max(last_seen_at) as last_seen_at

    from offers
    where cheapest_of_competitor = 1
    group by product_id

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(our_price as decimal(18, 2)) as our_price,
        cast(competitors as bigint) as competitors,
        cast(cheapest_price as decimal(18, 2)) as cheapest_price,
        cast(cheapest_offer_id as string) as cheapest_offer_id,
        cast(median_price as decimal(18, 2)) as median_price,
        cast(cheaper_competitors + 1 as bigint) as our_rank,
        cast(100 * cast(our_price as double) / nullif(cast(median_price as double), 0) as double)
            as price_index,
        cast(our_price - cheapest_price as decimal(18, 2)) as gap_amount,
        cast(
            cast(our_price - cheapest_price as double)
            / nullif(cast(cheapest_price as double), 0)
            as double
        ) as gap_share,
        cast(last_seen_at as timestamp) as last_seen_at

    from positions

)

select * from final
