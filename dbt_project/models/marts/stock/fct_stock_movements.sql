with

stock_movements as (

    select * from {{ ref('stock_movements') }}

),

final as (

    select
        cast(movement_id as string) as movement_id,
        cast(product_id as bigint) as product_id,
        cast(moved_at as timestamp) as moved_at,
        cast(movement_date as date) as movement_date,
        cast(movement_type as string) as movement_type,
        cast(direction as string) as direction,
        cast(quantity as bigint) as quantity,
        cast(quantity_change as bigint) as quantity_change,
        cast(source_table as string) as source_table,
        cast(source_id as string) as source_id

    from stock_movements

)

select * from final
