with

locations as (

    select * from {{ ref('locations') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

unnamed as (

    select distinct location_id

    from location_keys
    where match_rule = 'own'

),

final as (

    select
        cast(coalesce(locations.location_id, unnamed.location_id) as string) as location_id,
        cast(coalesce(locations.location_name, unnamed.location_id) as string) as location_name,
        cast(locations.location_type as string) as location_type,
        cast(locations.country as string) as country,
        cast(coalesce(locations.time_zone, 'UTC') as string) as time_zone,
        cast(locations.book_source as string) as book_source,
        cast(coalesce(locations.is_planned, false) as boolean) as is_planned

    from locations
    full outer join unnamed on locations.location_id = unnamed.location_id

)

select * from final
