-- Every day of every product and location first, then the sum of all changes up to it: a late
-- movement moves all later days, and a day without movements keeps what was there. What came before
-- the months that are built is their opening, summed from the movements that are in the fact: one that
-- came late for a month that is not built now moves no stock until it is, so that months always join.

{{ config(
    materialized='incremental',
    incremental_strategy='append',
    tags=['by_month'],
    pre_hook="{{ clear_months('stock_date') }}",
    meta={'months': {
        'relation': 'transformed.stock_movements', 'date': 'movement_date', 'key': 'movement_id'
    }}
) }}

with

stock_movements as (

    select * from {{ ref('fct_stock_movements') }}

),

business_days as (

    select * from {{ ref('business_days') }}

),

products as (

    select * from {{ ref('products') }}

),

days as (

    select date_day as stock_date
    from business_days
    where {{ in_months('date_day') }}

),

first_day as (

    select min(stock_date) as stock_date
    from days

),

daily_changes as (

    select
        product_id,
        location_id,
        movement_date,
        sum(case
            when movement_type not in ('adjustment', 'count') and quantity_change > 0
                then quantity_change
            else 0
        end) as quantity_in,
        sum(case
            when movement_type not in ('adjustment', 'count') and quantity_change < 0
                then -quantity_change
            else 0
        end) as quantity_out,
        sum(case when movement_type in ('adjustment', 'count') then quantity_change else 0 end)
            as adjustment_quantity,
        sum(quantity_change) as quantity_change

    from stock_movements
    group by
        product_id,
        location_id,
        movement_date

),

stocks as (

    select
        daily_changes.product_id,
        daily_changes.location_id,
        min(daily_changes.movement_date) as first_movement_date,
        sum(case
            when daily_changes.movement_date < first_day.stock_date
                then daily_changes.quantity_change
            else 0
        end) as quantity_before

    from daily_changes
    cross join first_day
    group by
        daily_changes.product_id,
        daily_changes.location_id

),

changes as (

    select
        stocks.product_id,
        stocks.location_id,
        days.stock_date,
        stocks.quantity_before,
        coalesce(daily_changes.quantity_in, 0) as quantity_in,
        coalesce(daily_changes.quantity_out, 0) as quantity_out,
        coalesce(daily_changes.adjustment_quantity, 0) as adjustment_quantity,
        coalesce(daily_changes.quantity_change, 0) as quantity_change

    from stocks
    inner join days on days.stock_date >= stocks.first_movement_date
    left join daily_changes
        on stocks.product_id = daily_changes.product_id
        and stocks.location_id = daily_changes.location_id
        and days.stock_date = daily_changes.movement_date

),

balances as (

    select
        product_id,
        location_id,
        stock_date,
        quantity_in,
        quantity_out,
        adjustment_quantity,
        quantity_change,
        quantity_before + sum(quantity_change) over (
            partition by product_id, location_id
            order by stock_date asc nulls first
            rows between unbounded preceding and current row
        ) as closing_quantity

    from changes

),

final as (

    select
        cast(balances.product_id as string) as product_id,
        cast(balances.location_id as string) as location_id,
        cast(balances.stock_date as date) as stock_date,
        cast(balances.closing_quantity - balances.quantity_change as bigint) as opening_quantity,
        cast(balances.quantity_in as bigint) as quantity_in,
        cast(balances.quantity_out as bigint) as quantity_out,
        cast(balances.adjustment_quantity as bigint) as adjustment_quantity,
        cast(balances.closing_quantity as bigint) as closing_quantity,
        cast(products.unit_cost as decimal(18, 6)) as unit_cost,
        cast(balances.closing_quantity * products.unit_cost as decimal(18, 2)) as cost_value,
        cast(balances.closing_quantity * products.unit_price as decimal(18, 2)) as retail_value

    from balances
    left join products on balances.product_id = products.product_id

)

select * from final
