-- Every product has exactly one current version, and the current versions that are not deleted are
-- the products of the source as they are now.

{{ config(meta={'dagster': {'ref': {'name': 'dim_product_versions'}}}) }}

with

dimension as (

    select
        product_id,
        sum(case when is_current then 1 else 0 end) as current_count,
        sum(case when is_current and not is_deleted then 1 else 0 end) as present_count

    from {{ ref('dim_product_versions') }}
    group by product_id

),

products as (

    select inventory_products.product_id
    from {{ ref('stg_inventory_db__products') }} as stg_products
    inner join {{ ref('inventory_products') }} as inventory_products
        on stg_products.product_id = inventory_products.source_product_id

)

select
    coalesce(dimension.product_id, products.product_id) as product_id,
    dimension.current_count,
    dimension.present_count

from dimension
full join products on dimension.product_id = products.product_id
where dimension.current_count is distinct from 1
    or coalesce(dimension.present_count, 0) <> case when products.product_id is null then 0 else 1 end
