with

returns as (

    select * from {{ ref('returns') }}

),

final as (

    select
        cast(return_id as string) as return_id,
        cast(source as string) as source,
        cast(channel as string) as channel,
        cast(channel_type as string) as channel_type,
        cast(order_id as string) as order_id,
        cast(order_line_id as string) as order_line_id,
        cast(product_id as string) as product_id,
        cast(customer_id as string) as customer_id,
        cast(location_id as string) as location_id,
        cast(country as string) as country,
        cast(returned_at as timestamp) as returned_at,
        cast(return_date as date) as return_date,
        cast(return_type as string) as return_type,
        cast(quantity as bigint) as quantity,
        cast(refund_amount as decimal(18, 4)) as refund_amount,
        cast(reason as string) as reason,
        cast(last_load_id as string) as last_load_id

    from returns

)

select * from final
