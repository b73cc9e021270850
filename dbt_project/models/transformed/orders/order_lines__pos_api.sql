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

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

priced as (

    select
        receipt_lines.receipt_id,
        receipt_lines.line_number,
        receipt_lines.sku,
        receipt_lines.quantity,
        receipts.status,
        coalesce(sales_channels.conversion_rate, 1) as rate,
        receipt_lines.discount,
        receipt_lines.tax_rate,
        receipt_lines.quantity * receipt_lines.unit_price - receipt_lines.discount as amount,
        greatest(receipt_lines._load_id, receipts._load_id) as last_load_id

    from receipt_lines
    inner join receipts on receipt_lines.receipt_id = receipts.receipt_id
    left join sales_channels
        on sales_channels.source = 'pos_api' and sales_channels.source_channel = '*'
    where coalesce(receipts.status, '') <> 'returned'

),

final as (

    select
        'pos_api-' || priced.receipt_id || '-' || cast(priced.line_number as string) as order_line_id,
        'pos_api-' || priced.receipt_id as order_id,
        'pos_api' as source,
        priced.line_number,
        coalesce(product_keys.product_id, priced.sku) as product_id,
        cast(null as string) as kit_product_id,
        cast(null as string) as kit_line_id,
        cast(null as bigint) as kit_quantity,
        priced.quantity,
        case when priced.status = 'completed' then priced.quantity else 0 end as despatched_quantity,
        cast(priced.amount * priced.rate as decimal(18, 4)) as gross_amount,
        cast(priced.amount * priced.rate * priced.tax_rate / (1 + priced.tax_rate) as decimal(18, 4))
            as tax_amount,
        cast(priced.amount * priced.rate as decimal(18, 4))
            - cast(priced.amount * priced.rate * priced.tax_rate / (1 + priced.tax_rate) as decimal(18, 4))
            as net_amount,
        cast(priced.discount * priced.rate as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 6)) as unit_cost,
        false as is_service,
        priced.last_load_id

    from priced
    left join product_keys
        on product_keys.source = 'pos_api' and priced.sku = product_keys.source_product_key

)

select * from final
