with

final as (

    select
        cast(null as string) as order_line_id,
        cast(null as string) as order_id,
        cast(null as string) as source,
        cast(null as bigint) as line_number,
        cast(null as string) as product_id,
        cast(null as string) as kit_product_id,
        cast(null as string) as kit_line_id,
        cast(null as bigint) as kit_quantity,
        cast(null as bigint) as quantity,
        cast(null as bigint) as despatched_quantity,
        cast(null as decimal(18, 4)) as gross_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(null as decimal(18, 4)) as net_amount,
        cast(null as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 6)) as unit_cost,
        cast(null as boolean) as is_service,
        cast(null as string) as last_load_id

    where false

)

select * from final
