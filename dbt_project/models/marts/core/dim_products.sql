with

product_history as (

    select * from {{ ref('product_history') }}

),

final as (

    select
        cast(product_version_id as string) as product_version_id,
        cast(product_id as bigint) as product_id,
        cast(version_number as bigint) as version_number,
        cast(product_name as string) as product_name,
        cast(category as string) as category,
        cast(unit_price as decimal(18, 2)) as unit_price,
        cast(supplier_id as bigint) as supplier_id,
        cast(restock_level as bigint) as restock_level,
        cast(valid_from_at as timestamp) as valid_from_at,
        cast(valid_to_at as timestamp) as valid_to_at,
        cast(is_current as boolean) as is_current,
        cast(is_deleted as boolean) as is_deleted

    from product_history

)

select * from final
