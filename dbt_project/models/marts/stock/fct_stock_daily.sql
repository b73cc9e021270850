-- Every day of every product first, then the sum of all changes up to it: a late movement moves
-- all later days, and a day without movements keeps what was there.

with

daily_stock_changes as (

    select * from {{ ref('daily_stock_changes') }}

),

business_days as (

    select * from {{ ref('business_days') }}

),

prices as (

    select
        product_id,
        unit_price

    from {{ ref('product_history') }}
    where is_current

),

last_day as (

    select max(movement_date) as stock_date
    from daily_stock_changes

),

first_days as (

    select
        product_id,
        min(movement_date) as stock_date

    from daily_stock_changes
    group by product_id

),

product_days as (

    select
        first_days.product_id,
        business_days.date_day as stock_date

    from first_days
    cross join last_day
    inner join business_days
        on business_days.date_day between first_days.stock_date and last_day.stock_date

),

changes as (

    select
        product_days.product_id,
        product_days.stock_date,
        coalesce(daily_stock_changes.quantity_in, 0) as quantity_in,
        coalesce(daily_stock_changes.quantity_out, 0) as quantity_out

    from product_days
    left join daily_stock_changes
        on product_days.product_id = daily_stock_changes.product_id
        and product_days.stock_date = daily_stock_changes.movement_date

),

balances as (

    select
        product_id,
        stock_date,
        quantity_in,
        quantity_out,
        cast(sum(quantity_in - quantity_out) over (
            partition by product_id
            order by stock_date asc nulls first
            rows between unbounded preceding and current row
        ) as bigint) as closing_quantity

    from changes

),

final as (

    select
        cast(balances.product_id as bigint) as product_id,
        cast(balances.stock_date as date) as stock_date,
        cast(balances.closing_quantity - balances.quantity_in + balances.quantity_out as bigint)
            as opening_quantity,
        cast(balances.quantity_in as bigint) as quantity_in,
        cast(balances.quantity_out as bigint) as quantity_out,
        cast(balances.closing_quantity as bigint) as closing_quantity,
        cast(balances.closing_quantity * prices.unit_price as decimal(18, 2)) as retail_value

    from balances
    left join prices on balances.product_id = prices.product_id

)

select * from final
