-- What could not be replayed stands here with its reason, so that every series is accounted for.

with

replayed as (

    select * from {{ ref('stg_planning__backtest') }}

),

left_out as (

    select * from {{ ref('stg_planning__backtest_left_out') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

present as (

    select * from replayed
    where policy = 'current'

),

proposed as (

    select * from replayed
    where policy = 'proposed'

),

accounted as (

    select
        present.product_id,
        present.location_id,
        present.days,
        present.demand_units,
        present.served_units as current_served_units,
        proposed.served_units as proposed_served_units,
        present.lost_units as current_lost_units,
        proposed.lost_units as proposed_lost_units,
        present.lost_value as current_lost_value,
        proposed.lost_value as proposed_lost_value,
        present.days_out_of_stock as current_days_out_of_stock,
        proposed.days_out_of_stock as proposed_days_out_of_stock,
        present.average_stock_units as current_average_stock_units,
        proposed.average_stock_units as proposed_average_stock_units,
        present.average_stock_value as current_average_stock_value,
        proposed.average_stock_value as proposed_average_stock_value,
        present.orders as current_orders,
        proposed.orders as proposed_orders,
        cast(null as string) as left_out_reason

    from present
    inner join proposed
        on present.product_id = proposed.product_id
        and present.location_id = proposed.location_id

    union all

    select
        product_id,
        location_id,
        cast(null as bigint) as days,
        cast(null as double) as demand_units,
        cast(null as double) as current_served_units,
        cast(null as double) as proposed_served_units,
        cast(null as double) as current_lost_units,
        cast(null as double) as proposed_lost_units,
        cast(null as decimal(18, 2)) as current_lost_value,
        cast(null as decimal(18, 2)) as proposed_lost_value,
        cast(null as bigint) as current_days_out_of_stock,
        cast(null as bigint) as proposed_days_out_of_stock,
        cast(null as double) as current_average_stock_units,
        cast(null as double) as proposed_average_stock_units,
        cast(null as decimal(18, 2)) as current_average_stock_value,
        cast(null as decimal(18, 2)) as proposed_average_stock_value,
        cast(null as bigint) as current_orders,
        cast(null as bigint) as proposed_orders,
        reason as left_out_reason

    from left_out

),

final as (

    select
        cast(accounted.product_id as string) as product_id,
        cast(products.product_name as string) as product_name,
        cast(accounted.location_id as string) as location_id,
        cast(accounted.days as bigint) as days,
        cast(accounted.demand_units as double) as demand_units,
        cast(accounted.current_served_units as double) as current_served_units,
        cast(accounted.proposed_served_units as double) as proposed_served_units,
        cast(accounted.current_lost_units as double) as current_lost_units,
        cast(accounted.proposed_lost_units as double) as proposed_lost_units,
        cast(accounted.current_lost_value as decimal(18, 2)) as current_lost_value,
        cast(accounted.proposed_lost_value as decimal(18, 2)) as proposed_lost_value,
        cast(accounted.current_days_out_of_stock as bigint) as current_days_out_of_stock,
        cast(accounted.proposed_days_out_of_stock as bigint) as proposed_days_out_of_stock,
        cast(accounted.current_average_stock_units as double) as current_average_stock_units,
        cast(accounted.proposed_average_stock_units as double) as proposed_average_stock_units,
        cast(accounted.current_average_stock_value as decimal(18, 2))
            as current_average_stock_value,
        cast(accounted.proposed_average_stock_value as decimal(18, 2))
            as proposed_average_stock_value,
        cast(accounted.current_orders as bigint) as current_orders,
        cast(accounted.proposed_orders as bigint) as proposed_orders,
        cast(accounted.left_out_reason as string) as left_out_reason

    from accounted
    left join products on accounted.product_id = products.product_id

)

select * from final
