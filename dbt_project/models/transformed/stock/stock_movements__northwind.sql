-- Northwind states how much is in stock and never how it came to be: no receipts, no corrections.
-- So its book opens with that stock at the end of its last day of orders; what was sold before is
-- in it.

with

products as (

    select * from {{ ref('stg_northwind__products') }}

),

orders as (

    select * from {{ ref('stg_northwind__orders') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

last_day as (

    select
        max(order_date) as date_day,
        max(_load_id) as last_load_id

    from orders

),

final as (

    select
        'northwind-opening-' || cast(products.product_id as string) as movement_id,
        coalesce(
            product_keys.product_id, 'northwind-' || cast(products.product_id as string)
        ) as product_id,
        coalesce(location_keys.location_id, 'northwind-*') as location_id,
        cast(last_day.date_day as timestamp) + interval '86399' second as moved_at,
        last_day.date_day as movement_date,
        'opening' as movement_type,
        'stock as stated' as reason,
        products.units_in_stock as quantity_change,
        products.units_in_stock as quantity,
        'in' as direction,
        'northwind' as source,
        'products' as source_table,
        cast(products.product_id as string) as source_id,
        cast(null as string) as order_line_id,
        greatest(products._load_id, last_day.last_load_id) as last_load_id

    from products
    cross join last_day
    left join product_keys
        on product_keys.source = 'northwind'
        and cast(products.product_id as string) = product_keys.source_product_key
    left join location_keys
        on location_keys.source = 'northwind' and location_keys.source_location_key = '*'
    left join locations on location_keys.location_id = locations.location_id
    where last_day.date_day is not null
        and coalesce(locations.book_source, 'northwind') = 'northwind'

)

select * from final
