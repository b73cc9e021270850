with

forecast_choice as (

    select
        ---------- text
        demand_class,
        method,

        ---------- numerics
        series,
        days,
        actual_units,
        error_units,
        absolute_error_units,
        squared_error,
        scaled_absolute_error,
        absolute_scaled_days,
        scaled_squared_error,
        squared_scaled_days,
        covered_days,
        interval_days,
        wape,
        mase,
        rmsse,
        bias,
        coverage,
        skill,
        coverage_goal,
        stock_trials,
        served_trials,
        stock_loss,
        service,
        service_goal,

        ---------- booleans
        is_chosen

    from {{ source('planning', 'forecast_choice') }}

)

select * from forecast_choice
