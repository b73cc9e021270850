-- The limits are those of planning (`Cutoffs` in inventory_platform/planning/classes.py). Kits are
-- left out: what is sold of them counts on their components.

{%- set a_share = 0.80 %}
{%- set b_share = 0.95 %}
{%- set x_variation = 0.5 %}
{%- set y_variation = 1.0 %}

with

products as (

    select * from {{ ref('dim_products') }}
    where not is_kit

),

stock_movements as (

    select * from {{ ref('fct_stock_movements') }}

),

today as (

    select max(date_day) as date_day
    from {{ ref('business_days') }}

),

consumption as (

    select
        order_lines.product_id,
        order_lines.order_date,
        order_lines.quantity,
        order_lines.net_amount,
        order_lines.cost_amount,
        {{ days_between('order_lines.order_date', 'today.date_day') }} as days_ago

    from {{ ref('fct_order_lines') }} as order_lines
    cross join today
    where order_lines.is_sale and not order_lines.is_service

),

annual as (

    select
        product_id,
        sum(quantity) as annual_units,
        case when count(cost_amount) = count(*) then sum(cost_amount) end as annual_cost,
        case when count(net_amount) = count(*) then sum(net_amount) end as annual_revenue

    from consumption
    where days_ago between 0 and 364
    group by product_id

),

known_since as (

    select
        product_id,
        min(first_date) as first_date

    from (
        select
            product_id,
            min(movement_date) as first_date

        from stock_movements
        group by product_id

        union all

        select
            product_id,
            min(order_date) as first_date

        from consumption
        group by product_id
    ) as first_dates
    group by product_id

),

weeks_known as (

    select
        known_since.product_id,
        least(
            52, cast(floor(
                ({{ days_between('known_since.first_date', 'today.date_day') }} + 1) / 7.0
            ) as bigint)
        ) as weeks

    from known_since
    cross join today

),

-- Weeks are counted back from today. Weeks without demand have no row here; they count by dividing
-- by the number of weeks.
weekly as (

    select
        consumption.product_id,
        cast(floor(consumption.days_ago / 7.0) as bigint) as weeks_ago,
        cast(sum(consumption.quantity) as double) as units

    from consumption
    where consumption.days_ago >= 0
    group by consumption.product_id, cast(floor(consumption.days_ago / 7.0) as bigint)

),

weekly_sums as (

    select
        weeks_known.product_id,
        weeks_known.weeks,
        coalesce(sum(weekly.units), 0) as units,
        coalesce(sum(weekly.units * weekly.units), 0) as squared_units

    from weeks_known
    left join weekly
        on weeks_known.product_id = weekly.product_id
        and weekly.weeks_ago < weeks_known.weeks
    group by weeks_known.product_id, weeks_known.weeks

),

weekly_demand as (

    select
        product_id,
        weeks,
        units / weeks as mean,
        sqrt(greatest(squared_units / weeks - (units / weeks) * (units / weeks), 0)) as spread

    from weekly_sums
    where weeks >= 2

),

-- Cost where all of it is known, else revenue; nothing sold is worth nothing, which is known.
valued as (

    select
        products.product_id,
        coalesce(annual.annual_units, 0) as annual_units,
        case
            when annual.product_id is null then 0
            else coalesce(annual.annual_cost, annual.annual_revenue)
        end as annual_value,
        case
            when annual.product_id is null or annual.annual_cost is not null then 'cost'
            when annual.annual_revenue is not null then 'revenue'
        end as value_basis,
        coalesce(weekly_sums.weeks, 0) as weeks,
        weekly_demand.mean,
        weekly_demand.spread,
        weekly_demand.spread / nullif(weekly_demand.mean, 0) as variation

    from products
    left join annual on products.product_id = annual.product_id
    left join weekly_sums on products.product_id = weekly_sums.product_id
    left join weekly_demand on products.product_id = weekly_demand.product_id

),

total as (

    select sum(annual_value) as annual_value
    from valued

),

ranked as (

    select
        valued.*,
        total.annual_value as total_value,
        sum(valued.annual_value) over (
            order by valued.annual_value desc nulls last, valued.product_id asc nulls last
            rows between unbounded preceding and current row
        ) as value_so_far

    from valued
    cross join total

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(annual_units as bigint) as annual_units,
        cast(annual_value as decimal(18, 2)) as annual_value,
        cast(value_basis as string) as value_basis,
        cast(total_value as decimal(18, 2)) as total_value,
        cast(case when annual_value is not null then value_so_far end as decimal(18, 2))
            as value_so_far,
        cast(
            case
                when annual_value is not null
                    then cast(value_so_far as double) / nullif(cast(total_value as double), 0)
            end as double
        ) as value_share,
        cast(
            case
                when annual_value is null or coalesce(total_value, 0) = 0 then 'unclassified'
                when value_so_far - annual_value < {{ a_share }} * total_value then 'A'
                when value_so_far - annual_value < {{ b_share }} * total_value then 'B'
                else 'C'
            end as string
        ) as abc_class,
        cast(weeks as bigint) as weeks,
        cast(mean as double) as weekly_mean,
        cast(spread as double) as weekly_spread,
        cast(variation as double) as weekly_variation,
        cast(
            case
                when variation is null then 'unclassified'
                when variation <= {{ x_variation }} then 'X'
                when variation <= {{ y_variation }} then 'Y'
                else 'Z'
            end as string
        ) as xyz_class

    from ranked

)

select * from final
