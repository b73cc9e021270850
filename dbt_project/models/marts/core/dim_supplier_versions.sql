with

supplier_versions as (

    select * from {{ ref('stg_inventory_db__supplier_versions') }}

),

supplier_keys as (

    select * from {{ ref('supplier_keys') }}

),

{{ validity_intervals('supplier_versions', 'supplier_id', ['supplier_name', 'city', 'country']) }},

final as (

    select
        cast(
            coalesce(
                supplier_keys.supplier_id, 'inventory_db-' || cast(changes.supplier_id as string)
            ) as string
        ) as supplier_id,
        cast(changes.version_number as bigint) as version_number,
        cast(changes.supplier_name as string) as supplier_name,
        cast(changes.city as string) as city,
        cast(changes.country as string) as country,
        cast(changes.valid_from_at as timestamp) as valid_from_at,
        cast(changes.valid_to_at as timestamp) as valid_to_at,
        cast(changes.valid_to_at is null as boolean) as is_current,
        cast(changes.is_deleted as boolean) as is_deleted

    from changes
    left join supplier_keys
        on supplier_keys.source = 'inventory_db'
        and cast(changes.supplier_id as string) = supplier_keys.source_supplier_key

)

select * from final
