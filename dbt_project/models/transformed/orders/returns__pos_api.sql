-- A receipt of goods that were brought back has negative lines and does not say what it pays back.

with

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

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

final as (

    select
        'pos_api-' || receipts.receipt_id || '-' || cast(receipt_lines.line_number as string)
            as return_id,
        'pos_api' as source,
        '*' as source_channel,
        cast(null as string) as order_id,
        cast(null as string) as order_line_id,
        coalesce(product_keys.product_id, receipt_lines.sku) as product_id,
        cast(null as string) as customer_id,
        coalesce(location_keys.location_id, 'pos_api-' || receipts.store_code) as location_id,
        locations.country,
        receipts.sold_at as returned_at,
        {{ local_date('receipts.sold_at', 'locations.time_zone') }} as return_date,
        receipts.sold_at as refunded_at,
        {{ local_date('receipts.sold_at', 'locations.time_zone') }} as refund_date,
        'return' as return_type,
        -receipt_lines.quantity as quantity,
        cast(
            -(receipt_lines.quantity * receipt_lines.unit_price - receipt_lines.discount)
            * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4)
        ) as refund_amount,
        cast(
            -(receipt_lines.quantity * receipt_lines.unit_price - receipt_lines.discount)
            * coalesce(sales_channels.conversion_rate, 1)
            * receipt_lines.tax_rate / (1 + receipt_lines.tax_rate) as decimal(18, 4)
        ) as refund_tax_amount,
        cast(null as string) as reason,
        greatest(receipt_lines._load_id, receipts._load_id) as last_load_id

    from receipts
    inner join receipt_lines on receipts.receipt_id = receipt_lines.receipt_id
    left join product_keys
        on product_keys.source = 'pos_api' and receipt_lines.sku = product_keys.source_product_key
    left join location_keys
        on location_keys.source = 'pos_api'
        and receipts.store_code = location_keys.source_location_key
    left join locations on location_keys.location_id = locations.location_id
    left join sales_channels
        on sales_channels.source = 'pos_api' and sales_channels.source_channel = '*'
    where receipts.status = 'returned'

)

select * from final
