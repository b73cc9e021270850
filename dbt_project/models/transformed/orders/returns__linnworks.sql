with

final as (

    select
        cast(null as string) as return_id,
        cast(null as string) as source,
        cast(null as string) as source_channel,
        cast(null as string) as order_id,
        cast(null as string) as order_line_id,
        cast(null as string) as product_id,
        cast(null as string) as customer_id,
        cast(null as string) as location_id,
        cast(null as string) as country,
        cast(null as timestamp) as returned_at,
        cast(null as date) as return_date,
        cast(null as string) as return_type,
        cast(null as bigint) as quantity,
        cast(null as decimal(18, 4)) as refund_amount,
        cast(null as string) as reason,
        cast(null as string) as last_load_id

    where false

)

select * from final
