with

product_versions as (

    select * from {{ ref('stg_inventory_db__product_versions') }}

),

{{ validity_intervals(
    'product_versions',
    'product_id',
    ['product_name', 'category', 'unit_price', 'supplier_id', 'restock_level']
) }},

final as (

    select
        cast(product_id as string) || '-' || cast(version_number as string)
            as product_version_id,
        product_id,
        version_number,
        product_name,
        category,
        unit_price,
        supplier_id,
        restock_level,
        valid_from_at,
        valid_to_at,
        valid_to_at is null as is_current,
        is_deleted

    from changes

)

select * from final
