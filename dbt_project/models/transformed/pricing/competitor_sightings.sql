-- A page that did not change brings no rows, only a visit: what was read from it last still
-- holds. So the visits of a page from one change to the next belong to one reading.

with

products as (

    select * from {{ ref('stg_competitor_shop__products') }}

),

visits as (

    select * from {{ ref('stg_competitor_shop__visits') }}

),

counted as (

    select
        page_url,
        visited_at,
        outcome,
        sum(case when outcome = 'changed' then 1 else 0 end) over (
            partition by page_url
            order by visited_at asc nulls first
            rows between unbounded preceding and current row
        ) as reading

    from visits
    where outcome in ('changed', 'unchanged', 'gone')

),

readings as (

    select
        page_url,
        reading,
        min(case when outcome = 'changed' then visited_at end) as seen_at,
        max(case when outcome <> 'gone' then visited_at end) as last_seen_at,
        max(case when outcome = 'gone' then 1 else 0 end) as gone

    from counted
    group by page_url, reading

),

last_readings as (

    select
        page_url,
        max(reading) as reading

    from readings
    group by page_url

),

-- A listing may name a product by an address that leads on to another.
own_pages as (

    select
        page_url,
        max(product_url) as product_url

    from products
    where page_kind = 'product'
    group by page_url

),

final as (

    select
        coalesce(own_pages.product_url, products.product_url) as offer_id,
        products.page_url,
        products.seen_at,
        coalesce(readings.last_seen_at, products.seen_at) as last_seen_at,
        readings.gone = 0 and last_readings.reading is not null as is_listed,
        products.page_kind,
        products.shop,
        products.sku,
        products.gtin,
        products.name,
        products.brand,
        products.price_text,
        products.price,
        products.highest_price,
        products.price_problem,
        products.currency,
        products.availability

    from products
    left join own_pages on products.product_url = own_pages.page_url
    left join readings
        on products.page_url = readings.page_url and products.seen_at = readings.seen_at
    left join last_readings
        on readings.page_url = last_readings.page_url and readings.reading = last_readings.reading

)

select * from final
