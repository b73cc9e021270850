with

competitor_price_history as (

    select * from {{ ref('competitor_price_history') }}

),

competitor_offers as (

    select * from {{ ref('competitor_offers') }}

),

final as (

    select
        cast(competitor_price_history.offer_id as string) as offer_id,
        cast(competitor_price_history.version_number as bigint) as version_number,
        cast(case when competitor_offers.match_status = 'matched' then competitor_offers.product_id
            end as string) as product_id,
        cast(competitor_price_history.price as decimal(18, 2)) as competitor_price,
        cast(competitor_price_history.highest_price as decimal(18, 2)) as highest_price,
        cast(competitor_price_history.currency as string) as currency,
        cast(competitor_price_history.availability as string) as availability,
        cast(competitor_price_history.valid_from_at as timestamp) as valid_from_at,
        cast(competitor_price_history.valid_to_at as timestamp) as valid_to_at,
        cast(competitor_price_history.last_seen_at as timestamp) as last_seen_at,
        cast(competitor_price_history.is_current as boolean) as is_current

    from competitor_price_history
    inner join competitor_offers on competitor_price_history.offer_id = competitor_offers.offer_id

)

select * from final
