with

forecasts as (

    select * from {{ ref('stg_planning__forecasts') }}

),

beside_each_other as (

    select
        product_id,
        location_id,
        forecast_date,
        as_of_date,
        demand_class,
        max(case when is_chosen then method end) as method,
        max(case when is_chosen then expected_units end) as expected_units,
        max(case when is_chosen then lower_units end) as lower_units,
        max(case when is_chosen then upper_units end) as upper_units,
        max(case when method = 'naive' then expected_units end) as naive_units,
        max(case when method = 'seasonal_naive' then expected_units end) as seasonal_naive_units,
        max(case when method = 'historic_average' then expected_units end)
            as historic_average_units

    from forecasts
    group by product_id, location_id, forecast_date, as_of_date, demand_class

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(location_id as string) as location_id,
        cast(forecast_date as date) as forecast_date,
        cast(as_of_date as date) as as_of_date,
        cast(demand_class as string) as demand_class,
        cast(method as string) as method,
        cast(expected_units as double) as expected_units,
        cast(lower_units as double) as lower_units,
        cast(upper_units as double) as upper_units,
        cast(naive_units as double) as naive_units,
        cast(seasonal_naive_units as double) as seasonal_naive_units,
        cast(historic_average_units as double) as historic_average_units

    from beside_each_other

)

select * from final
