-- A line belongs to a stock item, or says that it is linked to none or is a service. One that does
-- neither sells something that no demand, cost or stock can be found for.

{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'order_lines__linnworks'}}}) }}

with

items as (

    select * from {{ ref('stg_linnworks__processed_order_items') }}

),

stock_items as (

    select * from {{ ref('stg_linnworks__stock_items') }}

),

order_lines as (

    select * from {{ ref('order_lines__linnworks') }}

)

select
    items.order_item_id,
    items.stock_item_id,
    items.sku,
    items.is_unlinked,
    items.is_service,
    order_lines.product_id

from items
left join stock_items on items.stock_item_id = stock_items.stock_item_id
left join order_lines on 'linnworks-' || items.order_item_id = order_lines.order_line_id
where (
        items.stock_item_id is null
        and not coalesce(items.is_unlinked, false)
        and not coalesce(items.is_service, false)
    )
    or (items.stock_item_id is not null and coalesce(items.is_unlinked, false))
    -- Archived items are no longer listed; their lines still say what they were.
    or (items.stock_item_id is not null and stock_items.stock_item_id is null and items.sku is null)
