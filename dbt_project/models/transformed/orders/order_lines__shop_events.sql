with

order_events as (

    select * from {{ ref('stg_shop_events__order_events') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

lines as (

    select
        order_number,
        sku,
        max(quantity) as quantity,
        max(total_amount) as total_amount,
        max(case when event_type = 'shipped' then 1 else 0 end) as shipments,
        max(_load_id) as last_load_id

    from order_events
    group by
        order_number,
        sku

),

final as (

    select
        'shop_events-' || lines.order_number || '-' || lines.sku as order_line_id,
        'shop_events-' || lines.order_number as order_id,
        'shop_events' as source,
        row_number() over (
            partition by lines.order_number
            order by lines.sku asc nulls last
        ) as line_number,
        coalesce(product_keys.product_id, lines.sku) as product_id,
        cast(null as string) as kit_product_id,
        cast(null as string) as kit_line_id,
        cast(null as bigint) as kit_quantity,
        lines.quantity,
        lines.quantity * lines.shipments as despatched_quantity,
        cast(lines.total_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as gross_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(lines.total_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as net_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 6)) as unit_cost,
        false as is_service,
        lines.last_load_id

    from lines
    left join product_keys
        on product_keys.source = 'shop_events' and lines.sku = product_keys.source_product_key
    left join sales_channels
        on sales_channels.source = 'shop_events' and sales_channels.source_channel = '*'

)

select * from final
