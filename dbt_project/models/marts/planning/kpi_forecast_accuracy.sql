with

forecast_accuracy as (

    select * from {{ ref('stg_planning__forecast_accuracy') }}

),

final as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(week_ahead as bigint) as week_ahead,
        cast(demand_class as string) as demand_class,
        cast(method as string) as method,
        cast(is_chosen as boolean) as is_chosen,
        cast(scored_until_date as date) as scored_until_date,
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
        cast(coverage as double) as coverage

    from forecast_accuracy

)

select * from final
