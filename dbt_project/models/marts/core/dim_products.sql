with

products as (

    select * from {{ ref('products') }}

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(sku as string) as sku,
        cast(gtin as string) as gtin,
        cast(product_name as string) as product_name,
        cast(category as string) as category,
        cast(unit_price as decimal(18, 2)) as unit_price,
        cast(unit_cost as decimal(18, 6)) as unit_cost,
        cast(cost_source as string) as cost_source,
        cast(tax_rate as double) as tax_rate,
        cast(supplier_id as string) as supplier_id,
        cast(restock_level as bigint) as restock_level,
        cast(is_kit as boolean) as is_kit,
        cast(is_discontinued as boolean) as is_discontinued,
        cast(created_at as timestamp) as created_at

    from products

)

select * from final
