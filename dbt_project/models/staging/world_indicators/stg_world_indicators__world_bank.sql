with

versions as (

    select
        country_code,
        year,
        country_name,
        region,
        income_group,
        birth_rate,
        death_rate,
        electricity_kwh_per_capita,
        gdp_usd,
        gdp_per_capita_usd,
        internet_users_percent,
        infant_mortality,
        life_expectancy_years,
        population_density,
        unemployment_percent,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by country_code, year
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('world_indicators', 'world_bank') }}

),

current_rows as (

    select
        ---------- ids
        country_code,
        year,

        ---------- text
        {{ clean_text('country_name') }} as country_name,
        {{ clean_text('region') }} as region,
        {{ clean_text('income_group') }} as income_group,

        ---------- numerics
        birth_rate,
        death_rate,
        electricity_kwh_per_capita,
        gdp_usd,
        gdp_per_capita_usd,
        internet_users_percent,
        infant_mortality,
        life_expectancy_years,
        population_density,
        unemployment_percent,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
