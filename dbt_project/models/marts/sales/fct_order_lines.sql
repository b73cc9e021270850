{{ config(
    materialized='incremental',
    incremental_strategy='append',
    tags=['by_month'],
    pre_hook="{{ clear_months('order_date') }}",
    meta={'months': {
        'relation': 'transformed.orders', 'date': 'order_date', 'key': 'order_id',
        'named_in': 'transformed.order_lines', 'named_by': 'order_line_id'
    }}
) }}

with

order_lines as (

    select * from {{ ref('order_lines') }}

),

orders as (

    select * from {{ ref('orders') }}

),

products as (

    select * from {{ ref('products') }}

),

final as (

    select
        cast(order_lines.order_line_id as string) as order_line_id,
        cast(order_lines.order_id as string) as order_id,
        cast(order_lines.source as string) as source,
        cast(orders.channel as string) as channel,
        cast(orders.channel_type as string) as channel_type,
        cast(orders.customer_id as string) as customer_id,
        cast(orders.location_id as string) as location_id,
        cast(orders.country as string) as country,
        cast(orders.ordered_at as timestamp) as ordered_at,
        cast(orders.order_date as date) as order_date,
        cast(orders.order_state as string) as order_state,
        cast(orders.is_sale as boolean) as is_sale,
        cast(orders.is_resend as boolean) as is_resend,
        cast(order_lines.line_number as bigint) as line_number,
        cast(order_lines.product_id as string) as product_id,
        cast(products.category as string) as category,
        cast(order_lines.kit_product_id as string) as kit_product_id,
        cast(order_lines.kit_line_id as string) as kit_line_id,
        cast(order_lines.kit_quantity as bigint) as kit_quantity,
        cast(order_lines.quantity as bigint) as quantity,
        cast(order_lines.despatched_quantity as bigint) as despatched_quantity,
        cast(order_lines.gross_amount as decimal(18, 4)) as gross_amount,
        cast(order_lines.tax_amount as decimal(18, 4)) as tax_amount,
        cast(order_lines.net_amount as decimal(18, 4)) as net_amount,
        cast(order_lines.discount_amount as decimal(18, 4)) as discount_amount,
        cast(order_lines.unit_cost as decimal(18, 6)) as unit_cost,
        cast(order_lines.quantity * order_lines.unit_cost as decimal(18, 4)) as cost_amount,
        cast(order_lines.is_service as boolean) as is_service,
        cast(greatest(order_lines.last_load_id, orders.last_load_id) as string) as last_load_id

    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
    left join products on order_lines.product_id = products.product_id
    where {{ in_months('orders.order_date') }}
        and {{ in_no_other_month('orders.order_id') }}

)

select * from final
