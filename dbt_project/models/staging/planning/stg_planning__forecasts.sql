with

forecasts as (

    select
        ---------- ids
        product_id,
        location_id,

        ---------- text
        demand_class,
        method,

        ---------- numerics
        expected_units,
        lower_units,
        upper_units,

        ---------- booleans
        is_chosen,

        ---------- dates
        forecast_date,
        as_of_date

    from {{ source('planning', 'forecasts') }}

)

select * from forecasts
