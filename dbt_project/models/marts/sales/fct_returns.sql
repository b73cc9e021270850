with

returns as (

    select * from {{ ref('returns') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

order_lines as (

    select * from {{ ref('fct_order_lines') }}

),

products as (

    select * from {{ ref('products') }}

),

final as (

    select
        cast(returns.return_id as string) as return_id,
        cast(returns.source as string) as source,
        cast(returns.channel as string) as channel,
        cast(returns.channel_type as string) as channel_type,
        cast(returns.order_id as string) as order_id,
        cast(returns.order_line_id as string) as order_line_id,
        cast(returns.product_id as string) as product_id,
        cast(products.category as string) as category,
        cast(returns.customer_id as string) as customer_id,
        cast(returns.location_id as string) as location_id,
        cast(returns.country as string) as country,
        cast(returns.returned_at as timestamp) as returned_at,
        cast(returns.return_date as date) as return_date,
        cast(returns.refunded_at as timestamp) as refunded_at,
        cast(returns.refund_date as date) as refund_date,
        cast(returns.return_type as string) as return_type,
        cast(returns.quantity as bigint) as quantity,
        cast(returns.refund_amount as decimal(18, 4)) as refund_amount,
        -- Where the source does not state it, a refund holds tax at the rate of what was sold: of its
        -- line, or else of its order.
        cast(
            coalesce(
                returns.refund_tax_amount,
                returns.refund_amount * coalesce(
                    order_lines.tax_amount / nullif(order_lines.gross_amount, 0),
                    orders.tax_amount / nullif(orders.total_amount, 0)
                )
            )
            as decimal(18, 4)
        ) as refund_tax_amount,
        cast(orders.order_date as date) as sale_date,
        cast(orders.is_sale as boolean) as is_sale,
        cast(returns.reason as string) as reason,
        cast(returns.last_load_id as string) as last_load_id

    from returns
    left join orders on returns.order_id = orders.order_id
    left join order_lines on returns.order_line_id = order_lines.order_line_id
    left join products on returns.product_id = products.product_id

)

select * from final
