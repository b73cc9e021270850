with

sightings as (

    select * from {{ ref('competitor_sightings') }}

),

competitor_matches as (

    select * from {{ ref('stg_planning__competitor_matches') }}

),

inventory_products as (

    select * from {{ ref('inventory_products') }}

),

-- The own page before listings, the newest before older ones.
ranked as (

    select
        *,
        row_number() over (
            partition by offer_id
            order by page_kind desc nulls last, seen_at desc nulls last, page_url asc nulls last
        ) as best_first

    from sightings

),

seen as (

    select
        offer_id,
        min(seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at

    from sightings
    group by offer_id

),

final as (

    select
        ranked.offer_id,
        ranked.shop,
        ranked.name as offer_name,
        ranked.brand,
        ranked.sku,
        ranked.gtin,
        seen.first_seen_at,
        seen.last_seen_at,
        ranked.is_listed,
        inventory_products.product_id,
        coalesce(competitor_matches.status, 'unmatched') as match_status,
        competitor_matches.method as match_method,
        competitor_matches.score as match_score,
        coalesce(competitor_matches.reason, 'not compared yet') as match_reason

    from ranked
    inner join seen on ranked.offer_id = seen.offer_id
    left join competitor_matches on ranked.offer_id = competitor_matches.offer_id
    left join inventory_products
        on competitor_matches.product_id = inventory_products.source_product_id
    where ranked.best_first = 1

)

select * from final
