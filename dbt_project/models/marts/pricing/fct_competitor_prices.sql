-- Two sources: pages of shops, matched to our products, and the old system's own table, which
-- names our product itself and keeps its prices in our currency.

with

competitor_offers as (

    select * from {{ ref('competitor_offers') }}

),

competitor_price_history as (

    select * from {{ ref('competitor_price_history') }}

),

competitor_data as (

    select * from {{ ref('stg_inventory_db__competitor_data') }}

),

inventory_products as (

    select * from {{ ref('inventory_products') }}

),

our_prices as (

    select
        product_id,
        product_name,
        unit_price

    from {{ ref('products') }}
    where not is_discontinued

),

crawled as (

    select
        competitor_offers.offer_id,
        'website' as observed_in,
        competitor_offers.shop as competitor_name,
        competitor_offers.product_id,
        competitor_offers.offer_name,
        competitor_offers.match_method,
        competitor_price_history.price as competitor_price,
        competitor_price_history.highest_price,
        competitor_price_history.currency,
        competitor_price_history.availability,
        competitor_price_history.valid_from_at as price_since_at,
        competitor_price_history.last_seen_at

    from competitor_offers
    inner join competitor_price_history
        on competitor_offers.offer_id = competitor_price_history.offer_id
    where competitor_offers.match_status = 'matched' and competitor_price_history.is_current

),

recorded as (

    select
        'inventory_db-' || cast(competitor_data.competitor_id as string)
        || '-' || cast(competitor_data.product_id as string) as offer_id,
        'inventory_db' as observed_in,
        competitor_data.competitor_name,
        coalesce(
            inventory_products.product_id,
            'inventory_db-' || cast(competitor_data.product_id as string)
        ) as product_id,
        cast(null as string) as offer_name,
        'recorded' as match_method,
        competitor_data.competitor_price,
        cast(null as decimal(18, 2)) as highest_price,
        '{{ var("shop_currency", "EUR") }}' as currency,
        case lower(competitor_data.stock_availability)
            when 'in stock' then 'in_stock'
            when 'limited' then 'in_stock'
            when 'out of stock' then 'out_of_stock'
            else 'unknown'
        end as availability,
        cast(null as timestamp) as price_since_at,
        competitor_data.last_updated_at as last_seen_at

    from competitor_data
    left join inventory_products
        on competitor_data.product_id = inventory_products.source_product_id

),

observed as (

    select * from crawled
    union all
    select * from recorded

),

compared as (

    select
        observed.*,
        our_prices.product_name,
        our_prices.unit_price as our_price,
        observed.competitor_price is not null
        and observed.highest_price is null
        and our_prices.unit_price > 0
        and coalesce(observed.currency = '{{ var("shop_currency", "EUR") }}', false)
            as is_comparable

    from observed
    left join our_prices on observed.product_id = our_prices.product_id

),

final as (

    select
        cast(offer_id as string) as offer_id,
        cast(observed_in as string) as observed_in,
        cast(competitor_name as string) as competitor_name,
        cast(product_id as string) as product_id,
        cast(product_name as string) as product_name,
        cast(offer_name as string) as offer_name,
        cast(match_method as string) as match_method,
        cast(competitor_price as decimal(18, 2)) as competitor_price,
        cast(highest_price as decimal(18, 2)) as highest_price,
        cast(currency as string) as currency,
        cast(our_price as decimal(18, 2)) as our_price,
        cast(coalesce(is_comparable, false) as boolean) as is_comparable,
        cast(case when is_comparable then competitor_price - our_price end as decimal(18, 2))
            as difference_amount,
        cast(
            case when is_comparable then 100 * (competitor_price - our_price) / our_price end
            as decimal(9, 2)
        ) as difference_percent,
        cast(availability as string) as availability,
        cast(price_since_at as timestamp) as price_since_at,
        cast(last_seen_at as timestamp) as last_seen_at

    from compared

)

select * from final
