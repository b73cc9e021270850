-- The stores' system keeps no book, but counts: the first count opens it, receipts follow, and each
-- later count corrects it. Stock is counted at the end of a day, after its receipts.

with

stock_counts as (

    select * from {{ ref('stg_pos_api__stock_counts') }}

),

receipts as (

    select * from {{ ref('stg_pos_api__receipts') }}

),

receipt_lines as (

    select * from {{ ref('stg_pos_api__receipt_lines') }}

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

stores as (

    select
        location_keys.source_location_key as store_code,
        location_keys.location_id,
        locations.time_zone

    from location_keys
    left join locations on location_keys.location_id = locations.location_id
    where location_keys.source = 'pos_api'
        and coalesce(locations.book_source, 'pos_api') = 'pos_api'

),

-- Whoever counts twice on a day means the second count.
numbered_store_counts as (

    select
        stock_counts.count_id,
        coalesce(product_keys.product_id, stock_counts.sku) as product_id,
        stores.location_id,
        stock_counts.counted_on,
        stock_counts.quantity,
        stock_counts._load_id as last_load_id,
        row_number() over (
            partition by
                coalesce(product_keys.product_id, stock_counts.sku),
                stores.location_id,
                stock_counts.counted_on
            order by stock_counts._load_id desc nulls last, stock_counts.count_id desc nulls last
        ) as newest_first

    from stock_counts
    inner join stores on stock_counts.store_code = stores.store_code
    left join product_keys
        on product_keys.source = 'pos_api'
        and stock_counts.sku = product_keys.source_product_key

),

counts as (

    select
        product_id,
        location_id,
        cast(counted_on as timestamp) as placed_at,
        cast(counted_on as timestamp) + interval '86399' second as moved_at,
        counted_on as movement_date,
        quantity,
        'stock_counts' as source_table,
        count_id as source_id,
        last_load_id

    from numbered_store_counts
    where newest_first = 1

),

-- A voided receipt moves nothing, but the load that voided it changes what a count is expected to say.
documents as (

    select
        'pos_api-' || receipt_lines.receipt_id || '-' || cast(receipt_lines.line_number as string)
            as movement_id,
        coalesce(product_keys.product_id, receipt_lines.sku) as product_id,
        stores.location_id,
        cast({{ local_date('receipts.sold_at', 'stores.time_zone') }} as timestamp) as placed_at,
        receipts.sold_at as moved_at,
        {{ local_date('receipts.sold_at', 'stores.time_zone') }} as movement_date,
        case when receipt_lines.quantity < 0 then 'return' else 'sale' end as movement_type,
        'receipt ' || receipts.status as reason,
        case
            when receipts.status in ('completed', 'returned') then -receipt_lines.quantity
            else 0
        end as quantity_change,
        'receipt_lines' as source_table,
        receipt_lines.receipt_id || '-' || cast(receipt_lines.line_number as string) as source_id,
        'pos_api-' || receipt_lines.receipt_id || '-' || cast(receipt_lines.line_number as string)
            as order_line_id,
        greatest(receipt_lines._load_id, receipts._load_id) as last_load_id

    from receipt_lines
    inner join receipts on receipt_lines.receipt_id = receipts.receipt_id
    inner join stores on receipts.store_code = stores.store_code
    left join product_keys
        on product_keys.source = 'pos_api'
        and receipt_lines.sku = product_keys.source_product_key
    where receipt_lines.quantity is not null

),

{{ book_from_counts('pos_api') }},

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
        'pos_api' as source,
        source_table,
        source_id,
        order_line_id,
        last_load_id

    from booked

)

select * from final
