with

final as (

    select
        cast(null as string) as order_id,
        cast(null as string) as source,
        cast(null as string) as source_order_number,
        cast(null as string) as source_channel,
        cast(null as string) as customer_id,
        cast(null as string) as location_id,
        cast(null as string) as country,
        cast(null as timestamp) as ordered_at,
        cast(null as date) as order_date,
        cast(null as timestamp) as paid_at,
        cast(null as timestamp) as despatched_at,
        cast(null as timestamp) as delivered_at,
        cast(null as timestamp) as cancelled_at,
        cast(null as timestamp) as despatch_by_at,
        cast(null as string) as order_state,
        cast(null as boolean) as is_sale,
        cast(null as boolean) as is_cancelled,
        cast(null as boolean) as is_resend,
        cast(null as boolean) as is_returned,
        cast(null as string) as currency,
        cast(null as double) as conversion_rate,
        cast(null as decimal(18, 4)) as goods_amount,
        cast(null as decimal(18, 4)) as postage_amount,
        cast(null as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(null as decimal(18, 4)) as total_amount,
        cast(null as decimal(18, 4)) as postage_cost_amount,
        cast(null as string) as last_load_id

    where false

)

select * from final
