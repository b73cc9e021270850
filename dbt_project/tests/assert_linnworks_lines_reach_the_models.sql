-- Kits are taken apart on the way: what is left has the units of every simple line and component,
-- each once, and the money of every line that was sold, minus the order's discount.

{{ config(meta={'dagster': {'ref': {'name': 'order_lines__linnworks'}}}) }}

with

details as (

    select * from {{ ref('stg_linnworks__processed_order_details') }}

),

items as (

    select * from {{ ref('stg_linnworks__processed_order_items') }}

),

components as (

    select * from {{ ref('stg_linnworks__processed_order_item_components') }}

),

order_lines as (

    select * from {{ ref('order_lines__linnworks') }}

),

sold as (

    select
        order_id,
        sum(line_total) as line_total

    from items
    group by order_id

),

leaves as (

    select
        items.order_id,
        items.quantity

    from items
    left join (select distinct kit_order_item_id from components) as kits
        on items.order_item_id = kits.kit_order_item_id
    where kits.kit_order_item_id is null

    union all

    select
        order_id,
        quantity

    from components

),

units as (

    select
        order_id,
        count(*) as line_count,
        sum(quantity) as quantity

    from leaves
    group by order_id

),

staged as (

    select
        'linnworks-' || details.order_id as order_id,
        units.line_count,
        units.quantity,
        (sold.line_total - coalesce(details.total_discount, 0)) * details.conversion_rate as amount

    from details
    inner join units on details.order_id = units.order_id
    inner join sold on details.order_id = sold.order_id

),

modelled as (

    select
        order_id,
        count(*) as line_count,
        sum(quantity) as quantity,
        sum(gross_amount) as amount

    from order_lines
    group by order_id

)

select
    staged.order_id,
    staged.line_count as staged_line_count,
    modelled.line_count,
    staged.quantity as staged_quantity,
    modelled.quantity,
    staged.amount as staged_amount,
    modelled.amount

from staged
left join modelled on staged.order_id = modelled.order_id
where staged.line_count is distinct from modelled.line_count
    or staged.quantity is distinct from modelled.quantity
    or abs(staged.amount - coalesce(modelled.amount, 0)) > 0.005
