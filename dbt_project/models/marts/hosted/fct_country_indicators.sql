-- The human development index comes with a column per figure and year; here a year is a row. Groups
-- of countries stand among its countries, with a dot in their code: they are left out.

with

world_bank as (

    select * from {{ ref('stg_world_indicators__world_bank') }}

),

human_development as (

    select * from {{ ref('stg_world_indicators__human_development') }}
    where iso3 not like '%.%'

),

-- Schooling that people have had is known up to 2000 only.
development_years as (
    {%- for year in range(1990, 2022) %}

    select
        iso3 as country_code,
        {{ year }} as year_number,
        hdi_{{ year }} as human_development_index,
        eys_{{ year }} as expected_schooling_years,
        {{ 'mys_' ~ year if year <= 2000 else 'cast(null as double)' }} as mean_schooling_years,
        le_{{ year }} as life_expectancy_years

    from human_development
    where coalesce(hdi_{{ year }}, eys_{{ year }}, le_{{ year }}) is not null
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

country_years as (

    select country_code, year as year_number from world_bank

    union distinct

    select country_code, year_number from development_years

),

-- Names and groups are those of the World Bank, also in years it says nothing of.
countries as (

    select
        country_code,
        max(country_name) as country_name,
        max(region) as region,
        max(income_group) as income_group

    from world_bank
    group by country_code

),

final as (

    select
        cast(country_years.country_code as string) as country_code,
        cast(country_years.year_number as bigint) as year_number,
        cast(coalesce(countries.country_name, human_development.country) as string)
            as country_name,
        cast(countries.region as string) as world_region,
        cast(countries.income_group as string) as income_group,
        cast(world_bank.gdp_usd as double) as gdp_usd,
        cast(world_bank.gdp_per_capita_usd as double) as gdp_per_capita_usd,
        cast(world_bank.population_density as double) as population_density,
        cast(world_bank.birth_rate as double) as birth_rate,
        cast(world_bank.death_rate as double) as death_rate,
        cast(world_bank.infant_mortality as double) as infant_mortality,
        cast(world_bank.unemployment_percent as double) as unemployment_percent,
        cast(world_bank.internet_users_percent as double) as internet_users_percent,
        cast(world_bank.electricity_kwh_per_capita as double) as electricity_kwh_per_capita,
        cast(
            coalesce(world_bank.life_expectancy_years, development_years.life_expectancy_years)
            as double
        ) as life_expectancy_years,
        cast(development_years.human_development_index as double) as human_development_index,
        cast(development_years.expected_schooling_years as double) as expected_schooling_years,
        cast(development_years.mean_schooling_years as double) as mean_schooling_years

    from country_years
    left join world_bank
        on country_years.country_code = world_bank.country_code
        and country_years.year_number = world_bank.year
    left join development_years
        on country_years.country_code = development_years.country_code
        and country_years.year_number = development_years.year_number
    left join countries on country_years.country_code = countries.country_code
    left join human_development on country_years.country_code = human_development.iso3

)

select * from final
