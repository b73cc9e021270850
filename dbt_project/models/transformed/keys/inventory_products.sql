-- What the old database's products are called here, and where their stock lies; it says neither.

with

product_versions as (

    select * from {{ ref('stg_inventory_db__product_versions') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

product_locations as (

    select * from {{ ref('product_locations') }}

),

locations as (

    select * from {{ ref('locations') }}

),

listed as (

    select distinct product_id

    from product_versions

),

final as (

    select
        listed.product_id as source_product_id,
        product_keys.product_id,
        coalesce(product_locations.location_id, 'NTH') as location_id,
        locations.time_zone,
        locations.country

    from listed
    inner join product_keys
        on product_keys.source = 'inventory_db'
        and cast(listed.product_id as string) = product_keys.source_product_key
    left join product_locations on product_keys.product_id = product_locations.product_id
    left join locations
        on coalesce(product_locations.location_id, 'NTH') = locations.location_id

)

select * from final
