-- Linnworks states levels, not movements. Its history begins with the first reading the platform
-- took: that opens the book; despatches, returns and deliveries follow, and what a later reading says
-- beyond them is a correction. No movement is dated after the last day of business: the first
-- readings of a platform that is set up after the fact would be.

with

snapshots as (

    select * from {{ ref('stg_linnworks__stock_level_snapshots') }}

),

orders as (

    select * from {{ ref('orders__linnworks') }}

),

order_lines as (

    select * from {{ ref('order_lines__linnworks') }}

),

returned as (

    select * from {{ ref('returns__linnworks') }}

),

deliveries as (

    select * from {{ ref('stg_linnworks__purchase_order_delivered_records') }}

),

purchase_items as (

    select * from {{ ref('stg_linnworks__purchase_order_items') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

products as (

    select * from {{ ref('products') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

business_days as (

    select * from {{ ref('business_days') }}

),

last_day as (

    select max(date_day) as date_day
    from business_days

),

places as (

    select
        location_keys.source_location_key as stock_location_id,
        location_keys.location_id,
        locations.time_zone,
        last_day.date_day as last_day

    from location_keys
    cross join last_day
    left join locations on location_keys.location_id = locations.location_id
    where location_keys.source = 'linnworks'
        and coalesce(locations.book_source, 'linnworks') = 'linnworks'

),

-- The level of a kit is worked out from its components, which are there themselves.
items as (

    select
        product_keys.source_product_key as stock_item_id,
        product_keys.product_id

    from product_keys
    left join products on product_keys.product_id = products.product_id
    where product_keys.source = 'linnworks' and not coalesce(products.is_kit, false)

),

counts as (

    select
        items.product_id,
        places.location_id,
        snapshots.fetched_at as placed_at,
        snapshots.fetched_at as moved_at,
        least(
            {{ local_date('snapshots.fetched_at', 'places.time_zone') }}, places.last_day
        ) as movement_date,
        snapshots.stock_level as quantity,
        'stock_level_snapshots' as source_table,
        cast(snapshots.snapshot_date as string) || '-' || snapshots.stock_item_id || '-'
            || snapshots.stock_location_id as source_id,
        snapshots._load_id as last_load_id

    from snapshots
    inner join places on snapshots.stock_location_id = places.stock_location_id
    inner join items on snapshots.stock_item_id = items.stock_item_id

),

documents as (

    select
        order_lines.order_line_id as movement_id,
        order_lines.product_id,
        orders.location_id,
        orders.despatched_at as placed_at,
        orders.despatched_at as moved_at,
        least(
            {{ local_date('orders.despatched_at', 'places.time_zone') }}, places.last_day
        ) as movement_date,
        'sale' as movement_type,
        case when orders.is_resend then 'resend' else 'order ' || orders.source_order_number end
            as reason,
        -order_lines.quantity as quantity_change,
        'processed_order_items' as source_table,
        order_lines.order_line_id as source_id,
        order_lines.order_line_id,
        order_lines.last_load_id

    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
    inner join places on orders.location_id = places.location_id
    where orders.despatched_at is not null
        and not orders.is_cancelled
        and not order_lines.is_service

    union all

    select
        returned.return_id as movement_id,
        returned.product_id,
        returned.location_id,
        returned.returned_at as placed_at,
        returned.returned_at as moved_at,
        least(
            {{ local_date('returned.returned_at', 'places.time_zone') }}, places.last_day
        ) as movement_date,
        'return' as movement_type,
        returned.reason,
        returned.quantity as quantity_change,
        'returns_refunds' as source_table,
        returned.return_id as source_id,
        returned.order_line_id,
        returned.last_load_id

    from returned
    inner join places on returned.location_id = places.location_id
    where returned.quantity > 0

    union all

    select
        'linnworks-delivery-' || cast(deliveries.delivery_record_id as string) as movement_id,
        items.product_id,
        places.location_id,
        deliveries.delivered_at as placed_at,
        deliveries.delivered_at as moved_at,
        least(
            {{ local_date('deliveries.delivered_at', 'places.time_zone') }}, places.last_day
        ) as movement_date,
        'receipt' as movement_type,
        'purchase order ' || deliveries.purchase_order_id as reason,
        deliveries.delivered_quantity as quantity_change,
        'purchase_order_delivered_records' as source_table,
        cast(deliveries.delivery_record_id as string) as source_id,
        cast(null as string) as order_line_id,
        greatest(deliveries._load_id, purchase_items._load_id) as last_load_id

    from deliveries
    inner join purchase_items
        on deliveries.purchase_order_item_id = purchase_items.purchase_order_item_id
    inner join places on deliveries.stock_location_id = places.stock_location_id
    inner join items on purchase_items.stock_item_id = items.stock_item_id

),

{{ book_from_counts('linnworks') }},

final as (

    select
        movement_id,
        product_id,
        location_id,
        moved_at,
        movement_date,
        movement_type,
        reason,
        quantity_change,
        abs(quantity_change) as quantity,
        case when quantity_change < 0 then 'out' else 'in' end as direction,
        'linnworks' as source,
        source_table,
        source_id,
        order_line_id,
        last_load_id

    from booked

)

select * from final
