-- What can be promised and what will be there. An open order reserves what has not left, unless its
-- own movement has taken the goods out of the book already, as in the old database when it is placed.
-- One that is no sale is promised to nobody: its status is not known, or another system tells of it.

with

stock_daily as (

    select * from {{ ref('fct_stock_daily') }}

),

stock_movements as (

    select * from {{ ref('fct_stock_movements') }}

),

orders as (

    select * from {{ ref('orders') }}

),

order_lines as (

    select * from {{ ref('order_lines') }}

),

purchase_order_lines as (

    select * from {{ ref('purchase_order_lines') }}

),

products as (

    select * from {{ ref('products') }}

),

business_days as (

    select * from {{ ref('business_days') }}

),

last_day as (

    select max(date_day) as as_of_date
    from business_days

),

taken as (

    select distinct order_line_id

    from stock_movements
    where order_line_id is not null

),

quantities as (

    select
        stock_daily.product_id,
        stock_daily.location_id,
        stock_daily.closing_quantity as on_hand,
        0 as reserved,
        0 as on_order

    from stock_daily
    inner join last_day on stock_daily.stock_date = last_day.as_of_date

    union all

    select
        order_lines.product_id,
        orders.location_id,
        0 as on_hand,
        order_lines.quantity - coalesce(order_lines.despatched_quantity, 0) as reserved,
        0 as on_order

    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
    left join taken on order_lines.order_line_id = taken.order_line_id
    where orders.order_state = 'open' and orders.is_sale
        and orders.location_id is not null
        and order_lines.product_id is not null
        and order_lines.quantity > coalesce(order_lines.despatched_quantity, 0)
        and not order_lines.is_service
        and taken.order_line_id is null

    union all

    select
        product_id,
        location_id,
        0 as on_hand,
        0 as reserved,
        quantity - delivered_quantity as on_order

    from purchase_order_lines
    where is_open
        and product_id is not null
        and location_id is not null
        and quantity > delivered_quantity

),

positions as (

    select
        product_id,
        location_id,
        sum(on_hand) as on_hand,
        sum(reserved) as reserved,
        sum(on_order) as on_order

    from quantities
    group by
        product_id,
        location_id

),

final as (

    select
        cast(positions.product_id as string) as product_id,
        cast(positions.location_id as string) as location_id,
        cast(last_day.as_of_date as date) as as_of_date,
        cast(positions.on_hand as bigint) as on_hand,
        cast(positions.reserved as bigint) as reserved,
        cast(positions.on_order as bigint) as on_order,
        cast(positions.on_hand - positions.reserved as bigint) as available,
        cast(positions.on_hand - positions.reserved + positions.on_order as bigint) as position,
        cast(products.unit_cost as decimal(18, 6)) as unit_cost,
        cast(positions.on_hand * products.unit_cost as decimal(18, 2)) as cost_value

    from positions
    cross join last_day
    left join products on positions.product_id = products.product_id

)

select * from final
