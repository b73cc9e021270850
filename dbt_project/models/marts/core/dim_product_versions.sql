with

product_history as (

    select * from {{ ref('product_history') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

supplier_keys as (

    select * from {{ ref('supplier_keys') }}

),

final as (

    select
        cast(product_history.product_version_id as string) as product_version_id,
        cast(product_keys.product_id as string) as product_id,
        cast(product_history.version_number as bigint) as version_number,
        cast(product_history.product_name as string) as product_name,
        cast(product_history.category as string) as category,
        cast(product_history.unit_price as decimal(18, 2)) as unit_price,
        cast(supplier_keys.supplier_id as string) as supplier_id,
        cast(product_history.restock_level as bigint) as restock_level,
        cast(product_history.valid_from_at as timestamp) as valid_from_at,
        cast(product_history.valid_to_at as timestamp) as valid_to_at,
        cast(product_history.is_current as boolean) as is_current,
        cast(product_history.is_deleted as boolean) as is_deleted

    from product_history
    inner join product_keys
        on product_keys.source = 'inventory_db'
        and cast(product_history.product_id as string) = product_keys.source_product_key
    left join supplier_keys
        on supplier_keys.source = 'inventory_db'
        and cast(product_history.supplier_id as string) = supplier_keys.source_supplier_key

)

select * from final
