with

backtest_totals as (

    select
        ---------- text
        policy,

        ---------- numerics
        series,
        left_out_series,
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
        lost_value,
        fill_rate,
        cycle_service,
        cycle_service_goal,
        in_stock_rate,
        cost_coverage,

        ---------- dates
        first_date,
        last_date

    from {{ source('planning', 'backtest_totals') }}

)

select * from backtest_totals
