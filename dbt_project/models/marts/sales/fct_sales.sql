with

sale_lines as (

    select * from {{ ref('sale_lines') }}

),

final as (

    select
        cast(sale_id as string) as sale_id,
        cast(channel as string) as channel,
        cast(product_id as bigint) as product_id,
        cast(customer_id as bigint) as customer_id,
        cast(sold_at as timestamp) as sold_at,
        cast(sold_at as date) as sale_date,
        cast(quantity as bigint) as quantity,
        cast(gross_amount as decimal(18, 2)) as gross_amount,
        cast(is_returned as boolean) as is_returned

    from sale_lines

)

select * from final
