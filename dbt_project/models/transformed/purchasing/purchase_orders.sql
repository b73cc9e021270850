with

inventory_orders as (

    select * from {{ ref('stg_inventory_db__purchase_orders') }}

),

linnworks_orders as (

    select * from {{ ref('stg_linnworks__purchase_orders') }}

),

receipts as (

    select * from {{ ref('stg_linnworks__purchase_order_delivered_records') }}

),

statuses as (

    select * from {{ ref('purchase_order_statuses') }}

),

supplier_keys as (

    select * from {{ ref('supplier_keys') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

received as (

    select
        purchase_order_id,
        min(delivered_at) as first_delivered_at,
        max(delivered_at) as delivered_at,
        max(_load_id) as last_load_id

    from receipts
    where delivered_quantity > 0
    group by purchase_order_id

),

placed as (

    select
        'inventory_db' as source,
        cast(inventory_orders.purchase_order_id as string) as source_key,
        cast(inventory_orders.supplier_id as string) as source_supplier_key,
        cast(null as string) as location_id,
        inventory_orders.status,
        coalesce(statuses.is_open, false) as is_open,
        coalesce(statuses.is_delivered, false) as is_delivered,
        inventory_orders.order_date as ordered_date,
        cast(null as date) as due_date,
        inventory_orders.delivery_date as first_delivered_date,
        inventory_orders.delivery_date as delivered_date,
        cast(1 as double) as conversion_rate,
        cast(inventory_orders.total_amount as decimal(18, 4)) as total_amount,
        inventory_orders._load_id as last_load_id

    from inventory_orders
    left join statuses on inventory_orders.status = statuses.status

    union all

    select
        'linnworks' as source,
        linnworks_orders.purchase_order_id as source_key,
        linnworks_orders.supplier_id as source_supplier_key,
        coalesce(
            location_keys.location_id,
            'linnworks-' || linnworks_orders.stock_location_id
        ) as location_id,
        linnworks_orders.status,
        coalesce(statuses.is_open, false) as is_open,
        coalesce(statuses.is_delivered, false) as is_delivered,
        {{ local_date('linnworks_orders.purchased_at', 'locations.time_zone') }} as ordered_date,
        {{ local_date('linnworks_orders.quoted_delivery_at', 'locations.time_zone') }} as due_date,
        {{ local_date('received.first_delivered_at', 'locations.time_zone') }}
            as first_delivered_date,
        -- Until everything is there, Linnworks repeats the day of the order.
        {{ local_date(
            'coalesce(received.delivered_at, case when statuses.is_delivered '
            ~ 'then linnworks_orders.delivered_at end)',
            'locations.time_zone'
        ) }} as delivered_date,
        linnworks_orders.conversion_rate,
        {{ in_base_currency('linnworks_orders.total_cost', 'linnworks_orders.conversion_rate') }}
            as total_amount,
        greatest(linnworks_orders._load_id, received.last_load_id) as last_load_id

    from linnworks_orders
    left join received on linnworks_orders.purchase_order_id = received.purchase_order_id
    left join statuses on linnworks_orders.status = statuses.status
    left join location_keys
        on location_keys.source = 'linnworks'
        and linnworks_orders.stock_location_id = location_keys.source_location_key
    left join locations on location_keys.location_id = locations.location_id

),

final as (

    select
        placed.source || '-' || placed.source_key as purchase_order_id,
        placed.source,
        placed.source_key,
        coalesce(
            supplier_keys.supplier_id,
            placed.source || '-' || placed.source_supplier_key
        ) as supplier_id,
        placed.location_id,
        placed.ordered_date,
        placed.due_date,
        placed.first_delivered_date,
        placed.delivered_date,
        placed.status,
        placed.is_open,
        placed.is_delivered,
        placed.conversion_rate,
        placed.total_amount,
        placed.last_load_id

    from placed
    left join supplier_keys
        on placed.source = supplier_keys.source
        and placed.source_supplier_key = supplier_keys.source_supplier_key

)

select * from final
