-- Where the source does not say what a unit cost when it was sold, it is what a unit costs now.

{% set columns = [
    'order_line_id', 'order_id', 'source', 'line_number', 'product_id', 'kit_product_id',
    'kit_line_id', 'kit_quantity', 'quantity', 'despatched_quantity', 'gross_amount',
    'tax_amount', 'net_amount', 'discount_amount', 'unit_cost', 'is_service', 'last_load_id'
] %}

with

inventory_db_order_lines as (

    select * from {{ ref('order_lines__inventory_db') }}

),

linnworks_order_lines as (

    select * from {{ ref('order_lines__linnworks') }}

),

pos_api_order_lines as (

    select * from {{ ref('order_lines__pos_api') }}

),

shop_files_order_lines as (

    select * from {{ ref('order_lines__shop_files') }}

),

shop_events_order_lines as (

    select * from {{ ref('order_lines__shop_events') }}

),

northwind_order_lines as (

    select * from {{ ref('order_lines__northwind') }}

),

model_cars_order_lines as (

    select * from {{ ref('order_lines__model_cars') }}

),

products as (

    select * from {{ ref('products') }}

),

united as (

    select {{ columns | join(', ') }} from inventory_db_order_lines
    union all
    select {{ columns | join(', ') }} from linnworks_order_lines
    union all
    select {{ columns | join(', ') }} from pos_api_order_lines
    union all
    select {{ columns | join(', ') }} from shop_files_order_lines
    union all
    select {{ columns | join(', ') }} from shop_events_order_lines
    union all
    select {{ columns | join(', ') }} from northwind_order_lines
    union all
    select {{ columns | join(', ') }} from model_cars_order_lines

),

final as (

    select
        united.order_line_id,
        united.order_id,
        united.source,
        united.line_number,
        united.product_id,
        united.kit_product_id,
        united.kit_line_id,
        united.kit_quantity,
        united.quantity,
        united.despatched_quantity,
        united.gross_amount,
        united.tax_amount,
        united.net_amount,
        united.discount_amount,
        coalesce(united.unit_cost, products.unit_cost) as unit_cost,
        united.is_service,
        united.last_load_id

    from united
    left join products on united.product_id = products.product_id

)

select * from final
