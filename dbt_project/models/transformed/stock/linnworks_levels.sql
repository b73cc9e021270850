-- What Linnworks says of locations whose book another system keeps; where Linnworks itself keeps
-- it, its levels are the book.

with

levels as (

    select * from {{ ref('stg_linnworks__stock_item_levels') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

products as (

    select * from {{ ref('products') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

final as (

    select
        product_keys.product_id,
        location_keys.location_id,
        sum(levels.stock_level) as quantity

    from levels
    inner join product_keys
        on product_keys.source = 'linnworks'
        and levels.stock_item_id = product_keys.source_product_key
    inner join location_keys
        on location_keys.source = 'linnworks'
        and levels.stock_location_id = location_keys.source_location_key
    inner join locations on location_keys.location_id = locations.location_id
    left join products on product_keys.product_id = products.product_id
    where locations.book_source <> 'linnworks'
        and not coalesce(products.is_kit, false)
    group by
        product_keys.product_id,
        location_keys.location_id

)

select * from final
