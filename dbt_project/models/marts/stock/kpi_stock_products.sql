-- What is sold at a location is what its book says left it as sold; revenue and cost of it come
-- from the order lines behind the movements. A day counts as out of stock when it ended without
-- stock and sold nothing: a day that sold its last unit still had something to sell.

{%- set target_days = 90 %}

with

stock_position as (

    select * from {{ ref('fct_stock_position') }}

),

stock_daily as (

    select * from {{ ref('fct_stock_daily') }}

),

stock_movements as (

    select * from {{ ref('fct_stock_movements') }}

),

order_lines as (

    select * from {{ ref('fct_order_lines') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

today as (

    select max(date_day) as date_day
    from {{ ref('business_days') }}

),

movements as (

    select
        stock_movements.*,
        {{ days_between('stock_movements.movement_date', 'today.date_day') }} as days_ago

    from stock_movements
    cross join today

),

daily_sales as (

    select
        product_id,
        location_id,
        movement_date,
        sum(-quantity_change) as units_sold

    from movements
    where movement_type = 'sale'
    group by product_id, location_id, movement_date

),

moved as (

    select
        product_id,
        location_id,
        min(movement_date) as first_movement_date,
        min(case when movement_type = 'sale' then movement_date end) as first_sale_date,
        max(case when movement_type = 'sale' then movement_date end) as last_sale_date,
        min(case when movement_type in ('receipt', 'opening') then movement_date end)
            as first_receipt_date,
        max(case when movement_type in ('receipt', 'opening') then movement_date end)
            as last_receipt_date,
        sum(
            case
                when movement_type in ('receipt', 'opening') and days_ago < 90
                    then quantity_change
                else 0
            end
        ) as units_received_90

    from movements
    group by product_id, location_id

),

-- A line may leave in several movements; each carries its part of the money.
sold_money as (

    select
        movements.product_id,
        movements.location_id,
        count(*) as sale_movements,
        count(order_lines.unit_cost) as sale_movements_with_cost,
        count(order_lines.net_amount) as sale_movements_with_revenue,
        sum(-movements.quantity_change * order_lines.unit_cost) as cost_amount,
        sum(
            -movements.quantity_change * order_lines.net_amount / nullif(order_lines.quantity, 0)
        ) as net_amount

    from movements
    left join order_lines on movements.order_line_id = order_lines.order_line_id
    where movements.movement_type = 'sale' and movements.days_ago < 365
    group by movements.product_id, movements.location_id

),

days as (

    select
        stock_daily.product_id,
        stock_daily.location_id,
        stock_daily.opening_quantity,
        stock_daily.cost_value,
        coalesce(daily_sales.units_sold, 0) as units_sold,
        {{ days_between('stock_daily.stock_date', 'today.date_day') }} as days_ago,
        case
            when stock_daily.closing_quantity <= 0 and coalesce(daily_sales.units_sold, 0) <= 0
                then 1
            else 0
        end as out_of_stock_day

    from stock_daily
    cross join today
    left join daily_sales
        on stock_daily.product_id = daily_sales.product_id
        and stock_daily.location_id = daily_sales.location_id
        and stock_daily.stock_date = daily_sales.movement_date

),

recorded as (

    select
        product_id,
        location_id,
        sum(case when days_ago < 90 then 1 else 0 end) as recorded_days_90,
        count(*) as recorded_days_365,
        sum(case when days_ago < 90 then out_of_stock_day else 0 end) as out_of_stock_days_90,
        sum(out_of_stock_day) as out_of_stock_days_365,
        sum(case when days_ago < 90 then units_sold else 0 end) as units_sold_90,
        sum(case when days_ago < 180 then units_sold else 0 end) as units_sold_180,
        sum(units_sold) as units_sold_365,
        sum(case when days_ago = 89 then opening_quantity else 0 end) as opening_quantity_90,
        case when count(cost_value) = count(*) then avg(cost_value) end as average_cost_value

    from days
    where days_ago between 0 and 364
    group by product_id, location_id

),

combined as (

    select
        stock_position.product_id,
        stock_position.location_id,
        stock_position.as_of_date,
        stock_position.on_hand,
        stock_position.available,
        stock_position.unit_cost,
        stock_position.cost_value,
        products.unit_price,
        coalesce(recorded.recorded_days_90, 0) as recorded_days_90,
        coalesce(recorded.recorded_days_365, 0) as recorded_days_365,
        coalesce(recorded.out_of_stock_days_90, 0) as out_of_stock_days_90,
        coalesce(recorded.out_of_stock_days_365, 0) as out_of_stock_days_365,
        coalesce(recorded.units_sold_90, 0) as units_sold_90,
        coalesce(recorded.units_sold_180, 0) as units_sold_180,
        coalesce(recorded.units_sold_365, 0) as units_sold_365,
        coalesce(recorded.opening_quantity_90, 0) as opening_quantity_90,
        coalesce(moved.units_received_90, 0) as units_received_90,
        recorded.average_cost_value,
        case
            when
                coalesce(sold_money.sale_movements, 0)
                = coalesce(sold_money.sale_movements_with_cost, 0)
                then coalesce(sold_money.cost_amount, 0)
        end as cost_of_sales_amount,
        case
            when
                coalesce(sold_money.sale_movements, 0)
                = coalesce(sold_money.sale_movements_with_revenue, 0)
                then coalesce(sold_money.net_amount, 0)
        end as net_sales_amount,
        moved.first_movement_date,
        moved.first_sale_date,
        moved.last_sale_date,
        moved.first_receipt_date,
        moved.last_receipt_date

    from stock_position
    left join products on stock_position.product_id = products.product_id
    left join recorded
        on stock_position.product_id = recorded.product_id
        and stock_position.location_id = recorded.location_id
    left join moved
        on stock_position.product_id = moved.product_id
        and stock_position.location_id = moved.location_id
    left join sold_money
        on stock_position.product_id = sold_money.product_id
        and stock_position.location_id = sold_money.location_id

),

consumed as (

    select
        *,
        recorded_days_90 - out_of_stock_days_90 as in_stock_days_90,
        cast(units_sold_90 as double) / nullif(recorded_days_90 - out_of_stock_days_90, 0)
            as daily_demand

    from combined

),

judged as (

    select
        *,
        case
            when
                daily_demand is not null
                and {{ days_between('first_movement_date', 'as_of_date') }} >= {{ target_days }}
                then greatest(on_hand - daily_demand * {{ target_days }}, 0)
        end as excess_units

    from consumed

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(location_id as string) as location_id,
        cast(as_of_date as date) as as_of_date,
        cast(on_hand as bigint) as on_hand,
        cast(available as bigint) as available,
        cast(cost_value as decimal(18, 2)) as cost_value,
        cast(recorded_days_90 as bigint) as recorded_days_90,
        cast(in_stock_days_90 as bigint) as in_stock_days_90,
        cast(units_sold_90 as bigint) as units_sold_90,
        cast(units_sold_180 as bigint) as units_sold_180,
        cast(units_sold_365 as bigint) as units_sold_365,
        cast(daily_demand as double) as daily_demand,
        cast(case when daily_demand > 0 then greatest(available, 0) / daily_demand end as double)
            as days_of_cover,
        cast(out_of_stock_days_90 as bigint) as out_of_stock_days_90,
        cast(cast(out_of_stock_days_90 as double) / nullif(recorded_days_90, 0) as double)
            as stock_out_rate_90,
        cast(recorded_days_365 as bigint) as recorded_days_365,
        cast(out_of_stock_days_365 as bigint) as out_of_stock_days_365,
        cast(cast(out_of_stock_days_365 as double) / nullif(recorded_days_365, 0) as double)
            as stock_out_rate_365,
        cast(out_of_stock_days_90 * daily_demand as double) as lost_units_90,
        cast(out_of_stock_days_90 * daily_demand * unit_price as decimal(18, 2))
            as lost_sales_value,
        cast(opening_quantity_90 as bigint) as opening_quantity_90,
        cast(units_received_90 as bigint) as units_received_90,
        cast(
            case
                when opening_quantity_90 + units_received_90 > 0
                    then cast(units_sold_90 as double) / (opening_quantity_90 + units_received_90)
            end as double
        ) as sell_through_90,
        cast(cost_of_sales_amount as decimal(18, 2)) as cost_of_sales_amount,
        cast(net_sales_amount as decimal(18, 2)) as net_sales_amount,
        cast(net_sales_amount - cost_of_sales_amount as decimal(18, 2)) as gross_margin_amount,
        cast(average_cost_value as decimal(18, 2)) as average_cost_value,
        cast(
            case
                when average_cost_value > 0
                    then cast(cost_of_sales_amount as double) / cast(average_cost_value as double)
            end as double
        ) as stock_turn,
        cast(
            case
                when cost_of_sales_amount > 0 and average_cost_value >= 0
                    then
                        recorded_days_365
                        * cast(average_cost_value as double)
                        / cast(cost_of_sales_amount as double)
            end as double
        ) as inventory_days,
        cast(
            case
                when average_cost_value > 0
                    then
                        cast(net_sales_amount - cost_of_sales_amount as double)
                        / cast(average_cost_value as double)
            end as double
        ) as gross_margin_return,
        cast(
            on_hand > 0
            and units_sold_180 <= 0
            and coalesce({{ days_between('first_movement_date', 'as_of_date') }} >= 180, false)
            as boolean
        ) as is_dead_stock,
        cast(on_hand > 0 and units_sold_90 between 1 and 2 as boolean) as is_slow_stock,
        cast(excess_units as double) as excess_units,
        cast(excess_units * unit_cost as decimal(18, 2)) as excess_value,
        cast(first_movement_date as date) as first_movement_date,
        cast(first_sale_date as date) as first_sale_date,
        cast(last_sale_date as date) as last_sale_date,
        cast(first_receipt_date as date) as first_receipt_date,
        cast(last_receipt_date as date) as last_receipt_date

    from judged

)

select * from final
