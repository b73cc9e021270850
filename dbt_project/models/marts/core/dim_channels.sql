with

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

final as (

    select
        cast(channel as string) as channel,
        cast(min(channel_type) as string) as channel_type

    from sales_channels
    group by channel

)

select * from final
