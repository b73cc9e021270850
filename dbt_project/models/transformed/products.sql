-- One row per product, from every system that describes it: of each attribute, the first system in
-- the order of `known` that states it.

with

product_keys as (

    select * from {{ ref('product_keys') }}

),

supplier_keys as (

    select * from {{ ref('supplier_keys') }}

),

product_history as (

    select * from {{ ref('product_history') }}

),

stock_items as (

    select * from {{ ref('stg_linnworks__stock_items') }}

),

order_items as (

    select * from {{ ref('stg_linnworks__processed_order_items') }}

),

components as (

    select * from {{ ref('stg_linnworks__processed_order_item_components') }}

),

supplier_history as (

    select * from {{ ref('stg_shop_files__supplier_history') }}

),

northwind_products as (

    select * from {{ ref('stg_northwind__products') }}

),

northwind_categories as (

    select * from {{ ref('stg_northwind__categories') }}

),

model_cars_products as (

    select * from {{ ref('stg_model_cars__products') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

kits as (

    select distinct order_items.stock_item_id

    from order_items
    inner join components on order_items.order_item_id = components.kit_order_item_id

),

first_versions as (

    select
        product_id,
        min(valid_from_at) as created_at

    from product_history
    group by product_id

),

-- What the newest terms of its suppliers ask for a product; the cheapest of several.
newest_terms as (

    select
        sku,
        unit_cost,
        row_number() over (
            partition by sku
            order by valid_from desc nulls last, unit_cost asc nulls last, supplier_name asc nulls last
        ) as newest_first

    from supplier_history

),

known as (

    select
        product_keys.product_id,
        1 as precedence,
        cast(null as string) as sku,
        cast(null as string) as gtin,
        product_history.product_name,
        product_history.category,
        product_history.unit_price,
        cast(null as decimal(18, 6)) as unit_cost,
        cast(null as string) as cost_source,
        cast(null as double) as tax_rate,
        supplier_keys.supplier_id,
        product_history.restock_level,
        false as is_kit,
        product_history.is_deleted as is_discontinued,
        first_versions.created_at

    from product_history
    inner join first_versions on product_history.product_id = first_versions.product_id
    inner join product_keys
        on product_keys.source = 'inventory_db'
        and cast(product_history.product_id as string) = product_keys.source_product_key
    left join supplier_keys
        on supplier_keys.source = 'inventory_db'
        and cast(product_history.supplier_id as string) = supplier_keys.source_supplier_key
    where product_history.is_current

    union all

    select
        product_keys.product_id,
        2 as precedence,
        stock_items.sku,
        -- Some were scanned from the carton: the same code in fourteen digits.
        case
            when length(stock_items.barcode) = 14 and substr(stock_items.barcode, 1, 1) = '0'
                then substr(stock_items.barcode, 2)
            else stock_items.barcode
        end as gtin,
        stock_items.title as product_name,
        stock_items.category,
        case when stock_items.retail_price > 0 then stock_items.retail_price end as unit_price,
        -- A price of zero is one that nobody entered.
        case when stock_items.purchase_price > 0 then stock_items.purchase_price end as unit_cost,
        case when stock_items.purchase_price > 0 then 'linnworks' end as cost_source,
        case when stock_items.tax_rate >= 0 then stock_items.tax_rate / 100 end as tax_rate,
        cast(null as string) as supplier_id,
        cast(null as bigint) as restock_level,
        kits.stock_item_id is not null as is_kit,
        false as is_discontinued,
        stock_items.item_created_at as created_at

    from stock_items
    inner join product_keys
        on product_keys.source = 'linnworks'
        and stock_items.stock_item_id = product_keys.source_product_key
    left join kits on stock_items.stock_item_id = kits.stock_item_id

    union all

    select
        sku as product_id,
        3 as precedence,
        sku,
        cast(null as string) as gtin,
        cast(null as string) as product_name,
        cast(null as string) as category,
        cast(null as decimal(18, 2)) as unit_price,
        unit_cost,
        'supplier_history' as cost_source,
        cast(null as double) as tax_rate,
        cast(null as string) as supplier_id,
        cast(null as bigint) as restock_level,
        false as is_kit,
        false as is_discontinued,
        cast(null as timestamp) as created_at

    from newest_terms
    where newest_first = 1

    union all

    select
        product_keys.product_id,
        4 as precedence,
        cast(null as string) as sku,
        cast(null as string) as gtin,
        northwind_products.product_name,
        northwind_categories.category_name as category,
        cast(
            northwind_products.unit_price * coalesce(sales_channels.conversion_rate, 1)
            as decimal(18, 2)
        ) as unit_price,
        cast(null as decimal(18, 6)) as unit_cost,
        cast(null as string) as cost_source,
        cast(null as double) as tax_rate,
        supplier_keys.supplier_id,
        northwind_products.reorder_level as restock_level,
        false as is_kit,
        northwind_products.is_discontinued,
        cast(null as timestamp) as created_at

    from northwind_products
    inner join product_keys
        on product_keys.source = 'northwind'
        and cast(northwind_products.product_id as string) = product_keys.source_product_key
    left join northwind_categories
        on northwind_products.category_id = northwind_categories.category_id
    left join supplier_keys
        on supplier_keys.source = 'northwind'
        and cast(northwind_products.supplier_id as string) = supplier_keys.source_supplier_key
    left join sales_channels
        on sales_channels.source = 'northwind' and sales_channels.source_channel = '*'

    union all

    select
        product_keys.product_id,
        5 as precedence,
        cast(null as string) as sku,
        cast(null as string) as gtin,
        model_cars_products.product_name,
        model_cars_products.product_line as category,
        cast(
            model_cars_products.msrp * coalesce(sales_channels.conversion_rate, 1)
            as decimal(18, 2)
        ) as unit_price,
        cast(
            model_cars_products.buy_price * coalesce(sales_channels.conversion_rate, 1)
            as decimal(18, 6)
        ) as unit_cost,
        'model_cars' as cost_source,
        cast(null as double) as tax_rate,
        supplier_keys.supplier_id,
        cast(null as bigint) as restock_level,
        false as is_kit,
        false as is_discontinued,
        cast(null as timestamp) as created_at

    from model_cars_products
    inner join product_keys
        on product_keys.source = 'model_cars'
        and model_cars_products.product_code = product_keys.source_product_key
    left join supplier_keys
        on supplier_keys.source = 'model_cars'
        and model_cars_products.product_vendor = supplier_keys.source_supplier_key
    left join sales_channels
        on sales_channels.source = 'model_cars' and sales_channels.source_channel = '*'

    union all

    -- What is in no list any more, but in orders.
    select
        order_items.sku as product_id,
        6 as precedence,
        order_items.sku,
        cast(null as string) as gtin,
        max(order_items.title) as product_name,
        max(order_items.category) as category,
        cast(null as decimal(18, 2)) as unit_price,
        cast(null as decimal(18, 6)) as unit_cost,
        cast(null as string) as cost_source,
        cast(null as double) as tax_rate,
        cast(null as string) as supplier_id,
        cast(null as bigint) as restock_level,
        false as is_kit,
        true as is_discontinued,
        cast(null as timestamp) as created_at

    from order_items
    where order_items.sku is not null
    group by order_items.sku

),

final as (

    select
        product_id,
        min(sku) as sku,
        min(gtin) as gtin,
        {{ first_known('product_name', 'precedence') }} as product_name,
        {{ first_known('category', 'precedence') }} as category,
        cast({{ first_known('unit_price', 'precedence') }} as decimal(18, 2)) as unit_price,
        cast({{ first_known('unit_cost', 'precedence') }} as decimal(18, 6)) as unit_cost,
        {{ first_known('cost_source', 'precedence') }} as cost_source,
        {{ first_known('tax_rate', 'precedence') }} as tax_rate,
        {{ first_known('supplier_id', 'precedence') }} as supplier_id,
        {{ first_known('restock_level', 'precedence') }} as restock_level,
        max(is_kit) as is_kit,
        min(is_discontinued) as is_discontinued,
        min(created_at) as created_at

    from known
    group by product_id

)

select * from final
