-- What a product costs is known as of now only, so it comes from the product.

with

order_details as (

    select * from {{ ref('stg_model_cars__order_details') }}

),

orders as (

    select * from {{ ref('stg_model_cars__orders') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

final as (

    select
        'model_cars-' || cast(order_details.order_number as string) || '-'
            || order_details.product_code as order_line_id,
        'model_cars-' || cast(order_details.order_number as string) as order_id,
        'model_cars' as source,
        order_details.order_line_number as line_number,
        coalesce(product_keys.product_id, 'model_cars-' || order_details.product_code)
            as product_id,
        cast(null as string) as kit_product_id,
        cast(null as string) as kit_line_id,
        cast(null as bigint) as kit_quantity,
        order_details.quantity_ordered as quantity,
        case
            when orders.shipped_date is not null then order_details.quantity_ordered
            else cast(0 as bigint)
        end as despatched_quantity,
        cast(
            order_details.quantity_ordered * order_details.price_each
            * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4)
        ) as gross_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(
            order_details.quantity_ordered * order_details.price_each
            * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4)
        ) as net_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 6)) as unit_cost,
        false as is_service,
        order_details._load_id as last_load_id

    from order_details
    left join orders on order_details.order_number = orders.order_number
    left join product_keys
        on product_keys.source = 'model_cars'
        and order_details.product_code = product_keys.source_product_key
    left join sales_channels
        on sales_channels.source = 'model_cars' and sales_channels.source_channel = '*'

)

select * from final
