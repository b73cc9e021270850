-- An order has a product once, so that names the line; the database does not number lines and keeps
-- no cost.

with

order_details as (

    select * from {{ ref('stg_northwind__order_details') }}

),

orders as (

    select * from {{ ref('stg_northwind__orders') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

priced as (

    select
        order_id,
        product_id,
        quantity,
        row_number() over (
            partition by order_id
            order by product_id asc nulls last
        ) as line_number,
        cast(quantity * unit_price as decimal(18, 4)) as undiscounted_amount,
        cast(quantity * unit_price * (1 - discount) as decimal(18, 4)) as charged_amount,
        _load_id

    from order_details

),

final as (

    select
        'northwind-' || cast(priced.order_id as string) || '-' || cast(priced.product_id as string)
            as order_line_id,
        'northwind-' || cast(priced.order_id as string) as order_id,
        'northwind' as source,
        cast(priced.line_number as bigint) as line_number,
        coalesce(
            product_keys.product_id, 'northwind-' || cast(priced.product_id as string)
        ) as product_id,
        cast(null as string) as kit_product_id,
        cast(null as string) as kit_line_id,
        cast(null as bigint) as kit_quantity,
        priced.quantity,
        case when orders.shipped_date is not null then priced.quantity else cast(0 as bigint) end
            as despatched_quantity,
        cast(priced.charged_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as gross_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(priced.charged_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as net_amount,
        cast(
            (priced.undiscounted_amount - priced.charged_amount)
            * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4)
        ) as discount_amount,
        cast(null as decimal(18, 6)) as unit_cost,
        false as is_service,
        priced._load_id as last_load_id

    from priced
    left join orders on priced.order_id = orders.order_id
    left join product_keys
        on product_keys.source = 'northwind'
        and cast(priced.product_id as string) = product_keys.source_product_key
    left join sales_channels
        on sales_channels.source = 'northwind' and sales_channels.source_channel = '*'

)

select * from final
