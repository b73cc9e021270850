with

stores as (

    select * from {{ ref('stg_pos_api__stores') }}

),

stock_locations as (

    select * from {{ ref('stg_linnworks__stock_locations') }}

),

location_mappings as (

    select * from {{ ref('location_mappings') }}

),

declared as (

    select
        'pos_api' as source,
        store_code as source_location_key

    from stores

    union all

    select
        'linnworks' as source,
        stock_location_id as source_location_key

    from stock_locations

),

final as (

    select
        coalesce(location_mappings.source, declared.source) as source,
        coalesce(location_mappings.source_location, declared.source_location_key)
            as source_location_key,
        coalesce(
            location_mappings.location_id,
            declared.source || '-' || declared.source_location_key
        ) as location_id,
        case when location_mappings.location_id is not null then 'reviewed' else 'own' end
            as match_rule

    from declared
    full outer join location_mappings
        on declared.source = location_mappings.source
        and declared.source_location_key = location_mappings.source_location

)

select * from final
