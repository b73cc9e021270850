-- A kit is no line itself, and its components agree on which kit and how many of it were sold:
-- otherwise sums over lines double what kits bring in.

{{ config(meta={'dagster': {'ref': {'name': 'order_lines__linnworks'}}}) }}

with

order_lines as (

    select * from {{ ref('order_lines__linnworks') }}

),

kits as (

    select
        order_id,
        kit_line_id,
        min(kit_quantity) as fewest_kits,
        max(kit_quantity) as most_kits,
        min(kit_product_id) as first_product_id,
        max(kit_product_id) as last_product_id

    from order_lines
    where kit_line_id is not null
    group by order_id, kit_line_id

)

select
    kits.order_id,
    kits.kit_line_id,
    kits.fewest_kits,
    kits.most_kits,
    order_lines.order_line_id

from kits
left join order_lines on kits.kit_line_id = order_lines.order_line_id
where order_lines.order_line_id is not null
    or kits.fewest_kits is distinct from kits.most_kits
    or kits.first_product_id is distinct from kits.last_product_id
