-- Only the system that keeps the book of a location moves stock there; each source's model sees to
-- it.

{% set columns = [
    'movement_id', 'product_id', 'location_id', 'moved_at', 'movement_date', 'movement_type',
    'reason', 'quantity_change', 'quantity', 'direction', 'source', 'source_table', 'source_id',
    'order_line_id', 'last_load_id'
] %}

with

inventory_db_movements as (

    select * from {{ ref('stock_movements__inventory_db') }}

),

linnworks_movements as (

    select * from {{ ref('stock_movements__linnworks') }}

),

pos_api_movements as (

    select * from {{ ref('stock_movements__pos_api') }}

),

northwind_movements as (

    select * from {{ ref('stock_movements__northwind') }}

),

model_cars_movements as (

    select * from {{ ref('stock_movements__model_cars') }}

),

final as (

    select {{ columns | join(', ') }} from inventory_db_movements
    union all
    select {{ columns | join(', ') }} from linnworks_movements
    union all
    select {{ columns | join(', ') }} from pos_api_movements
    union all
    select {{ columns | join(', ') }} from northwind_movements
    union all
    select {{ columns | join(', ') }} from model_cars_movements

)

select * from final
