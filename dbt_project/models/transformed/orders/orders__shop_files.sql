-- The wholesale program sends what was ordered and nothing of what becomes of it.

with

wholesale as (

    select * from {{ ref('stg_shop_files__orders') }}

),

customer_keys as (

    select * from {{ ref('customer_keys') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

orders as (

    select
        order_no,
        min(order_date) as order_date,
        min(customer) as customer,
        sum(cast(total as decimal(18, 4))) as goods_amount,
        max(_load_id) as last_load_id

    from wholesale
    group by order_no

),

final as (

    select
        'shop_files-' || orders.order_no as order_id,
        'shop_files' as source,
        orders.order_no as source_order_number,
        '*' as source_channel,
        coalesce(customer_keys.customer_id, 'shop_files-' || orders.customer) as customer_id,
        sales_channels.ships_from_location_id as location_id,
        cast(null as string) as country,
        cast(orders.order_date as timestamp) as ordered_at,
        orders.order_date,
        cast(null as timestamp) as paid_at,
        cast(null as timestamp) as despatched_at,
        cast(null as timestamp) as delivered_at,
        cast(null as timestamp) as cancelled_at,
        cast(null as timestamp) as despatch_by_at,
        'open' as order_state,
        true as is_sale,
        false as is_cancelled,
        false as is_resend,
        false as is_returned,
        sales_channels.currency,
        coalesce(sales_channels.conversion_rate, 1) as conversion_rate,
        cast(orders.goods_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as goods_amount,
        cast(0 as decimal(18, 4)) as postage_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(orders.goods_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as total_amount,
        cast(null as decimal(18, 4)) as postage_cost_amount,
        orders.last_load_id

    from orders
    left join customer_keys
        on customer_keys.source = 'shop_files'
        and orders.customer = customer_keys.source_customer_key
    left join sales_channels
        on sales_channels.source = 'shop_files' and sales_channels.source_channel = '*'

)

select * from final
