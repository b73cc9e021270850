with

competitor_offers as (

    select * from {{ ref('competitor_offers') }}

),

final as (

    select
        cast(offer_id as string) as offer_id,
        cast(shop as string) as shop,
        cast(offer_name as string) as offer_name,
        cast(brand as string) as brand,
        cast(sku as string) as sku,
        cast(gtin as string) as gtin,
        cast(first_seen_at as timestamp) as first_seen_at,
        cast(last_seen_at as timestamp) as last_seen_at,
        cast(is_listed as boolean) as is_listed,
        cast(product_id as string) as product_id,
        cast(match_status as string) as match_status,
        cast(match_method as string) as match_method,
        cast(match_score as double) as match_score,
        cast(match_reason as string) as match_reason

    from competitor_offers

)

select * from final
