with

-- The newest terms that held on a day: today, and a year before.
terms as (

    select
        terms_history.*,
        {{ days_between('terms_history.valid_from_date', 'today.date_day') }} as days_ago,
        today.date_day as as_of_date

    from {{ ref('supplier_terms_history') }} as terms_history
    cross join (select max(date_day) as date_day from {{ ref('business_days') }}) as today

),

ranked as (

    select
        *,
        row_number() over (
            partition by supplier_id, product_id
            order by valid_from_date desc nulls last, unit_cost asc nulls last
        ) as newest_first,
        row_number() over (
            partition by supplier_id, product_id, days_ago >= 365
            order by valid_from_date desc nulls last, unit_cost asc nulls last
        ) as newest_first_of_year

    from terms
    where days_ago >= 0

),

versions as (

    select
        supplier_id,
        product_id,
        count(*) as versions,
        sum(case when days_ago < 365 then 1 else 0 end) as versions_365

    from ranked
    group by supplier_id, product_id

),

year_before as (

    select
        supplier_id,
        product_id,
        unit_cost

    from ranked
    where
        days_ago >= 365
        and newest_first_of_year = 1
        and coalesce({{ days_between('valid_to_date', 'as_of_date') }} < 365, true)

),

final as (

    select
        cast(ranked.supplier_id as string) as supplier_id,
        cast(ranked.product_id as string) as product_id,
        cast(ranked.source as string) as source,
        cast(ranked.as_of_date as date) as as_of_date,
        cast(ranked.is_preferred as boolean) as is_preferred,
        cast(ranked.unit_cost as decimal(18, 6)) as unit_cost,
        cast(ranked.valid_from_date as date) as valid_from_date,
        cast(year_before.unit_cost as decimal(18, 6)) as unit_cost_year_before,
        cast(ranked.unit_cost - year_before.unit_cost as decimal(18, 6)) as unit_cost_change,
        cast(
            cast(ranked.unit_cost - year_before.unit_cost as double)
            / nullif(cast(year_before.unit_cost as double), 0)
            as double
        ) as price_drift,
        cast(versions.versions as bigint) as versions,
        cast(versions.versions_365 as bigint) as versions_365

    from ranked
    inner join versions
        on ranked.supplier_id = versions.supplier_id
        and ranked.product_id = versions.product_id
    left join year_before
        on ranked.supplier_id = year_before.supplier_id
        and ranked.product_id = year_before.product_id
    where
        ranked.newest_first = 1
        and coalesce({{ days_between('ranked.as_of_date', 'ranked.valid_to_date') }} > 0, true)

)

select * from final
