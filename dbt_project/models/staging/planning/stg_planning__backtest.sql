with

backtest as (

    select
        ---------- ids
        product_id,
        location_id,

        ---------- text
        policy,

        ---------- numerics
        days,
        days_out_of_stock,
        demand_units,
        served_units,
        lost_units,
        cycles,
        cycles_out_of_stock,
        orders,
        ordered_units,
        average_stock_units,
        average_stock_value,
        lost_value

    from {{ source('planning', 'backtest') }}

)

select * from backtest
