-- Our price and theirs as they were on the day. A price of theirs counts from the day it was first
-- seen until it changed or was gone, and no longer than offers stay fresh after it was last seen.
-- The days are those on which competitors were looked at, from the first sighting to the last.

with

price_history as (

    select * from {{ ref('fct_competitor_price_history') }}
    where
        product_id is not null
        and competitor_price is not null
        and highest_price is null
        and currency = '{{ var("shop_currency", "EUR") }}'

),

offers as (

    select * from {{ ref('dim_competitor_offers') }}

),

product_versions as (

    select * from {{ ref('dim_product_versions') }}
    where not is_deleted and unit_price > 0

),

products as (

    select * from {{ ref('dim_products') }}

),

days as (

    {{ calendar_days(
        '(select cast(min(valid_from_at) as date) from price_history)',
        '(select cast(max(last_seen_at) as date) from price_history)'
    ) }}

),

-- The cheapest price of each competitor on each day.
their_prices as (

    select
        days.date_day,
        price_history.product_id,
        offers.shop,
        min(price_history.competitor_price) as competitor_price

    from days
    inner join price_history
        on days.date_day >= cast(price_history.valid_from_at as date)
        and (
            price_history.valid_to_at is null
            or days.date_day < cast(price_history.valid_to_at as date)
        )
        and {{ days_between('price_history.last_seen_at', 'days.date_day') }}
        <= {{ var('fresh_offer_days', 30) }}
    inner join offers on price_history.offer_id = offers.offer_id
    group by days.date_day, price_history.product_id, offers.shop

),

medians as (

    select
        date_day,
        product_id,
        count(*) as competitors,
        {{ percentile('competitor_price', 0.5) }} as median_price

    from their_prices
    group by date_day, product_id

),

-- Of several prices of ours on one day, the one that held at its end.
our_prices as (

    select
        medians.date_day,
        medians.product_id,
        medians.competitors,
        medians.median_price,
        product_versions.unit_price,
        row_number() over (
            partition by medians.date_day, medians.product_id
            order by product_versions.valid_from_at desc nulls last,
                product_versions.version_number desc nulls last
        ) as newest_first

    from medians
    inner join product_versions
        on medians.product_id = product_versions.product_id
        and cast(product_versions.valid_from_at as date) <= medians.date_day
        and (
            product_versions.valid_to_at is null
            or cast(product_versions.valid_to_at as date) > medians.date_day
        )

),

indices as (

    select
        our_prices.date_day,
        coalesce(products.category, 'unknown') as category,
        our_prices.competitors,
        100 * cast(our_prices.unit_price as double)
        / nullif(cast(our_prices.median_price as double), 0) as price_index

    from our_prices
    left join products on our_prices.product_id = products.product_id
    where our_prices.newest_first = 1

),

final as (

    select
        cast(date_day as date) as price_date,
        cast(category as string) as category,
        cast(count(price_index) as bigint) as products,
        cast(sum(competitors) as bigint) as competitor_prices,
        cast(sum(price_index) as double) as price_index_sum,
        cast(sum(price_index) / nullif(count(price_index), 0) as double) as price_index

    from indices
    group by date_day, category

)

select * from final
