with

business_days as (

    select
        date_day,
        {{ iso_weekday('date_day') }} as iso_weekday

    from {{ ref('business_days') }}

),

final as (

    select
        cast(date_day as date) as date_day,
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(quarter from date_day) as integer) as quarter_number,
        cast(extract(month from date_day) as integer) as month_number,
        cast(date_trunc('month', date_day) as date) as month_start_date,
        cast({{ iso_year('date_day') }} as integer) as iso_year,
        cast({{ iso_week('date_day') }} as integer) as iso_week,
        cast(iso_weekday as integer) as iso_weekday,
        -- Engines name days differently, so the names are written out.
        cast(case iso_weekday
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            when 7 then 'Sunday'
        end as string) as weekday_name,
        cast(iso_weekday >= 6 as boolean) as is_weekend

    from business_days

)

select * from final
