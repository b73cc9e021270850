-- The old database keeps no lines: each of its orders stands here as one line of unknown goods.

with

purchase_orders as (

    select * from {{ ref('purchase_orders') }}

),

items as (

    select * from {{ ref('stg_linnworks__purchase_order_items') }}

),

receipts as (

    select * from {{ ref('stg_linnworks__purchase_order_delivered_records') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

received as (

    select
        purchase_order_item_id,
        min(delivered_at) as first_delivered_at,
        max(delivered_at) as delivered_at,
        max(_load_id) as last_load_id

    from receipts
    where delivered_quantity > 0
    group by purchase_order_item_id

),

-- Of the line, with tax; what is bought is worth what it costs without.
costed as (

    select
        items.purchase_order_item_id,
        items.purchase_order_id,
        coalesce(
            product_keys.product_id,
            items.sku,
            'linnworks-' || items.purchase_order_item_id
        ) as product_id,
        coalesce(items.quantity, 0) as quantity,
        coalesce(items.delivered_quantity, 0) as delivered_quantity,
        coalesce(items.line_total, 0) - coalesce(items.tax, 0) as line_cost,
        coalesce(items.tax, 0) as tax,
        received.first_delivered_at,
        received.delivered_at,
        greatest(items._load_id, received.last_load_id) as last_load_id

    from items
    left join received on items.purchase_order_item_id = received.purchase_order_item_id
    left join product_keys
        on product_keys.source = 'linnworks'
        and items.stock_item_id = product_keys.source_product_key

),

final as (

    select
        purchase_orders.purchase_order_id as purchase_order_line_id,
        purchase_orders.purchase_order_id,
        purchase_orders.source,
        purchase_orders.supplier_id,
        cast(null as string) as product_id,
        purchase_orders.location_id,
        purchase_orders.ordered_date,
        purchase_orders.due_date,
        purchase_orders.delivered_date,
        purchase_orders.first_delivered_date,
        purchase_orders.status,
        purchase_orders.is_open,
        purchase_orders.is_delivered,
        cast(null as bigint) as quantity,
        cast(null as bigint) as delivered_quantity,
        cast(null as decimal(18, 6)) as unit_cost,
        purchase_orders.total_amount as line_cost,
        cast(null as decimal(18, 4)) as tax_amount,
        purchase_orders.conversion_rate,
        purchase_orders.last_load_id

    from purchase_orders
    where purchase_orders.source = 'inventory_db'

    union all

    select
        'linnworks-' || costed.purchase_order_item_id as purchase_order_line_id,
        purchase_orders.purchase_order_id,
        purchase_orders.source,
        purchase_orders.supplier_id,
        costed.product_id,
        purchase_orders.location_id,
        purchase_orders.ordered_date,
        purchase_orders.due_date,
        {{ local_date('costed.delivered_at', 'locations.time_zone') }} as delivered_date,
        {{ local_date('costed.first_delivered_at', 'locations.time_zone') }}
            as first_delivered_date,
        purchase_orders.status,
        purchase_orders.is_open and costed.delivered_quantity < costed.quantity as is_open,
        purchase_orders.is_delivered
            or (costed.quantity > 0 and costed.delivered_quantity >= costed.quantity)
            as is_delivered,
        costed.quantity,
        costed.delivered_quantity,
        cast(case
            when costed.quantity > 0
                then cast(costed.line_cost as double) * purchase_orders.conversion_rate
                    / costed.quantity
        end as decimal(18, 6)) as unit_cost,
        {{ in_base_currency('costed.line_cost', 'purchase_orders.conversion_rate') }} as line_cost,
        {{ in_base_currency('costed.tax', 'purchase_orders.conversion_rate') }} as tax_amount,
        purchase_orders.conversion_rate,
        greatest(costed.last_load_id, purchase_orders.last_load_id) as last_load_id

    from costed
    inner join purchase_orders
        on purchase_orders.source = 'linnworks'
        and costed.purchase_order_id = purchase_orders.source_key
    left join locations on purchase_orders.location_id = locations.location_id

)

select * from final
