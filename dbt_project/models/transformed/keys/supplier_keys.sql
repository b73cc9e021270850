-- A supplier of another system that has the name of exactly one of the old database's is that one.

with

inventory_suppliers as (

    select * from {{ ref('stg_inventory_db__suppliers') }}

),

linnworks_suppliers as (

    select * from {{ ref('stg_linnworks__suppliers') }}

),

file_suppliers as (

    select * from {{ ref('stg_shop_files__supplier_history') }}

),

northwind_suppliers as (

    select * from {{ ref('stg_northwind__suppliers') }}

),

model_cars_products as (

    select * from {{ ref('stg_model_cars__products') }}

),

supplier_mappings as (

    select * from {{ ref('supplier_mappings') }}

),

known_names as (

    select
        lower(supplier_name) as name_key,
        max(supplier_id) as supplier_id

    from inventory_suppliers
    group by lower(supplier_name)
    having count(*) = 1

),

listed as (

    select
        'inventory_db' as source,
        cast(supplier_id as string) as source_supplier_key,
        cast(null as string) as name_key

    from inventory_suppliers

    union all

    select
        'linnworks' as source,
        supplier_id as source_supplier_key,
        lower(supplier_name) as name_key

    from linnworks_suppliers

    union all

    select distinct
        'shop_files' as source,
        supplier_name as source_supplier_key,
        lower(supplier_name) as name_key

    from file_suppliers

    union all

    select
        'northwind' as source,
        cast(supplier_id as string) as source_supplier_key,
        lower(company_name) as name_key

    from northwind_suppliers

    union all

    select distinct
        'model_cars' as source,
        product_vendor as source_supplier_key,
        lower(product_vendor) as name_key

    from model_cars_products

),

final as (

    select
        listed.source,
        listed.source_supplier_key,
        coalesce(
            supplier_mappings.supplier_id,
            'inventory_db-' || cast(known_names.supplier_id as string),
            listed.source || '-' || listed.source_supplier_key
        ) as supplier_id,
        case
            when supplier_mappings.supplier_id is not null then 'reviewed'
            when known_names.supplier_id is not null then 'name'
            else 'own'
        end as match_rule

    from listed
    left join supplier_mappings
        on listed.source = supplier_mappings.source
        and listed.source_supplier_key = supplier_mappings.source_key
    left join known_names on listed.name_key = known_names.name_key

)

select * from final
