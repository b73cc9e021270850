-- A product's own page is believed where there is one; listings round, cut and lag behind.

with

sightings as (

    select * from {{ ref('competitor_sightings') }}

),

best_pages as (

    select
        offer_id,
        max(page_kind) as page_kind

    from sightings
    group by offer_id

),

compared as (

    select
        sightings.*,
        {{ surrogate_key([
            'sightings.price', 'sightings.highest_price', 'sightings.currency',
            'sightings.availability'
        ]) }} as content_key

    from sightings
    inner join best_pages
        on sightings.offer_id = best_pages.offer_id
        and sightings.page_kind = best_pages.page_kind

),

followed as (

    select
        *,
        lag(content_key) over (
            partition by offer_id
            order by seen_at asc nulls first, page_url asc nulls first
        ) as previous_content_key

    from compared

),

numbered as (

    select
        *,
        sum(case when content_key is distinct from previous_content_key then 1 else 0 end) over (
            partition by offer_id
            order by seen_at asc nulls first, page_url asc nulls first
            rows between unbounded preceding and current row
        ) as version_number

    from followed

),

versions as (

    select
        offer_id,
        version_number,
        max(price) as price,
        max(highest_price) as highest_price,
        max(currency) as currency,
        max(availability) as availability,
        min(seen_at) as valid_from_at,
        max(last_seen_at) as last_seen_at,
        max(case when is_listed then 1 else 0 end) as listed

    from numbered
    group by offer_id, version_number

),

dated as (

    select
        *,
        lead(valid_from_at) over (
            partition by offer_id
            order by version_number asc nulls first
        ) as next_from_at

    from versions

),

final as (

    select
        offer_id,
        version_number,
        price,
        highest_price,
        currency,
        availability,
        valid_from_at,
        case when next_from_at is null and listed = 0 then last_seen_at else next_from_at end
            as valid_to_at,
        last_seen_at,
        next_from_at is null as is_last,
        next_from_at is null and listed = 1 as is_current

    from dated

)

select * from final
