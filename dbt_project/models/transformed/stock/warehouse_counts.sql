-- The newest count of a product in a warehouse.

with

inventory as (

    select * from {{ ref('stg_shop_files__inventory') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

counts as (

    select
        coalesce(product_keys.product_id, inventory.sku) as product_id,
        coalesce(location_keys.location_id, 'shop_files-' || inventory.warehouse) as location_id,
        inventory.counted_on,
        inventory.on_hand as quantity,
        row_number() over (
            partition by
                coalesce(product_keys.product_id, inventory.sku),
                coalesce(location_keys.location_id, 'shop_files-' || inventory.warehouse)
            order by inventory.counted_on desc nulls last, inventory._load_id desc nulls last
        ) as newest_first

    from inventory
    left join product_keys
        on product_keys.source = 'shop_files'
        and inventory.sku = product_keys.source_product_key
    left join location_keys
        on location_keys.source = 'shop_files'
        and inventory.warehouse = location_keys.source_location_key
    where inventory.on_hand is not null

),

final as (

    select
        product_id,
        location_id,
        counted_on,
        quantity

    from counts
    where newest_first = 1

)

select * from final
