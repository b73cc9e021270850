with

wholesale as (

    select * from {{ ref('stg_shop_files__orders') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

final as (

    select
        'shop_files-' || wholesale.order_no || '-' || cast(wholesale.line_no as string)
            as order_line_id,
        'shop_files-' || wholesale.order_no as order_id,
        'shop_files' as source,
        wholesale.line_no as line_number,
        coalesce(product_keys.product_id, wholesale.sku) as product_id,
        cast(null as string) as kit_product_id,
        cast(null as string) as kit_line_id,
        cast(null as bigint) as kit_quantity,
        wholesale.quantity,
        cast(null as bigint) as despatched_quantity,
        cast(wholesale.total * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as gross_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(wholesale.total * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as net_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 6)) as unit_cost,
        false as is_service,
        wholesale._load_id as last_load_id

    from wholesale
    left join product_keys
        on product_keys.source = 'shop_files' and wholesale.sku = product_keys.source_product_key
    left join sales_channels
        on sales_channels.source = 'shop_files' and sales_channels.source_channel = '*'

)

select * from final
