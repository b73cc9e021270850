with

forecast_choice as (

    select * from {{ ref('stg_planning__forecast_choice') }}

),

final as (

    select
        cast(demand_class as string) as demand_class,
        cast(method as string) as method,
        cast(is_chosen as boolean) as is_chosen,
        cast(series as bigint) as series,
        cast(days as bigint) as days,
        cast(actual_units as double) as actual_units,
        cast(error_units as double) as error_units,
        cast(absolute_error_units as double) as absolute_error_units,
        cast(squared_error as double) as squared_error,
        cast(scaled_absolute_error as double) as scaled_absolute_error,
        cast(absolute_scaled_days as bigint) as absolute_scaled_days,
        cast(scaled_squared_error as double) as scaled_squared_error,
        cast(squared_scaled_days as bigint) as squared_scaled_days,
        cast(covered_days as bigint) as covered_days,
        cast(interval_days as bigint) as interval_days,
        cast(wape as double) as wape,
        cast(mase as double) as mase,
        cast(rmsse as double) as rmsse,
        cast(bias as double) as bias,
        cast(coverage as double) as coverage,
        cast(skill as double) as skill,
        cast(coverage_goal as double) as coverage_goal,
        cast(stock_trials as bigint) as stock_trials,
        cast(served_trials as bigint) as served_trials,
        cast(stock_loss as double) as stock_loss,
        cast(service as double) as service,
        cast(service_goal as double) as service_goal

    from forecast_choice

)

select * from final
