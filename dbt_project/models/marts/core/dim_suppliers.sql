-- Of several systems that know a supplier, the old database describes it.

with

supplier_keys as (

    select * from {{ ref('supplier_keys') }}

),

inventory_suppliers as (

    select * from {{ ref('stg_inventory_db__suppliers') }}

),

linnworks_suppliers as (

    select * from {{ ref('stg_linnworks__suppliers') }}

),

northwind_suppliers as (

    select * from {{ ref('stg_northwind__suppliers') }}

),

described as (

    select
        'inventory_db' as source,
        cast(supplier_id as string) as source_supplier_key,
        1 as precedence,
        supplier_name,
        city,
        country

    from inventory_suppliers

    union all

    select
        'linnworks' as source,
        supplier_id as source_supplier_key,
        2 as precedence,
        supplier_name,
        city,
        country

    from linnworks_suppliers

    union all

    select
        'northwind' as source,
        cast(supplier_id as string) as source_supplier_key,
        3 as precedence,
        company_name as supplier_name,
        city,
        country

    from northwind_suppliers

),

final as (

    select
        cast(supplier_keys.supplier_id as string) as supplier_id,
        cast(coalesce(
            {{ first_known('described.supplier_name', 'described.precedence') }},
            min(supplier_keys.source_supplier_key)
        ) as string) as supplier_name,
        cast({{ first_known('described.city', 'described.precedence') }} as string) as city,
        cast({{ first_known('described.country', 'described.precedence') }} as string) as country

    from supplier_keys
    left join described
        on supplier_keys.source = described.source
        and supplier_keys.source_supplier_key = described.source_supplier_key
    group by supplier_keys.supplier_id

)

select * from final
