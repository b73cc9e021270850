{{ config(
    materialized='incremental',
    incremental_strategy='append',
    tags=['by_month'],
    pre_hook="{{ clear_months('movement_date') }}",
    meta={'months': {
        'relation': 'transformed.stock_movements', 'date': 'movement_date', 'key': 'movement_id'
    }}
) }}

with

stock_movements as (

    select * from {{ ref('stock_movements') }}
    where {{ in_months('movement_date') }}
        and {{ in_no_other_month('movement_id') }}

),

final as (

    select
        cast(movement_id as string) as movement_id,
        cast(product_id as string) as product_id,
        cast(location_id as string) as location_id,
        cast(moved_at as timestamp) as moved_at,
        cast(movement_date as date) as movement_date,
        cast(movement_type as string) as movement_type,
        cast(reason as string) as reason,
        cast(quantity_change as bigint) as quantity_change,
        cast(quantity as bigint) as quantity,
        cast(direction as string) as direction,
        cast(source as string) as source,
        cast(source_table as string) as source_table,
        cast(source_id as string) as source_id,
        cast(order_line_id as string) as order_line_id,
        cast(last_load_id as string) as last_load_id

    from stock_movements

)

select * from final
