with

forecast_accuracy as (

    select
        ---------- text
        demand_class,
        method,

        ---------- numerics
        week_ahead,
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

        ---------- booleans
        is_chosen,

        ---------- dates
        as_of_date,
        scored_until_date

    from {{ source('planning', 'forecast_accuracy') }}

)

select * from forecast_accuracy
