-- A reviewed mapping counts more than any rule. The old database knows no SKU; Linnworks does,
-- under the same name: such a name joins them if it stands once on either side.

with

inventory_products as (

    select * from {{ ref('stg_inventory_db__product_versions') }}

),

stock_items as (

    select * from {{ ref('stg_linnworks__stock_items') }}

),

northwind_products as (

    select * from {{ ref('stg_northwind__products') }}

),

model_cars_products as (

    select * from {{ ref('stg_model_cars__products') }}

),

product_mappings as (

    select * from {{ ref('product_mappings') }}

),

old_names as (

    select
        product_id,
        lower(product_name) as name_key,
        row_number() over (
            partition by product_id
            order by _load_id desc nulls last
        ) as newest_first

    from inventory_products

),

unique_old_names as (

    select
        name_key,
        max(product_id) as product_id

    from old_names
    where newest_first = 1
    group by name_key
    having count(*) = 1

),

unique_titles as (

    select
        lower(title) as name_key,
        max(sku) as sku

    from stock_items
    where sku is not null
    group by lower(title)
    having count(*) = 1

),

named as (

    select
        'inventory_db' as source,
        cast(old_names.product_id as string) as source_product_key,
        unique_titles.sku as product_id,
        'name' as match_rule

    from old_names
    left join unique_old_names
        on old_names.name_key = unique_old_names.name_key
        and old_names.product_id = unique_old_names.product_id
    left join unique_titles on unique_old_names.name_key = unique_titles.name_key
    where old_names.newest_first = 1

    union all

    select
        'linnworks' as source,
        stock_item_id as source_product_key,
        sku as product_id,
        'sku' as match_rule

    from stock_items

    union all

    select
        'northwind' as source,
        cast(product_id as string) as source_product_key,
        cast(null as string) as product_id,
        'own' as match_rule

    from northwind_products

    union all

    select
        'model_cars' as source,
        product_code as source_product_key,
        cast(null as string) as product_id,
        'own' as match_rule

    from model_cars_products

),

listed as (

    select
        coalesce(product_mappings.source, named.source) as source,
        coalesce(product_mappings.source_key, named.source_product_key) as source_product_key,
        product_mappings.product_id as reviewed_id,
        named.product_id as ruled_id,
        named.match_rule

    from named
    full outer join product_mappings
        on named.source = product_mappings.source
        and named.source_product_key = product_mappings.source_key

),

final as (

    select
        source,
        source_product_key,
        coalesce(reviewed_id, ruled_id, source || '-' || source_product_key) as product_id,
        case
            when reviewed_id is not null then 'reviewed'
            when ruled_id is not null then match_rule
            else 'own'
        end as match_rule

    from listed

)

select * from final
