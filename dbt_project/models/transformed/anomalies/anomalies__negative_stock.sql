-- Days below zero that follow each other are one anomaly, as old as its last day.

with

stock_daily as (

    select * from {{ ref('fct_stock_daily') }}

),

negative_days as (

    select
        product_id,
        location_id,
        stock_date,
        closing_quantity,
        lag(stock_date) over (
            partition by product_id, location_id
            order by stock_date asc nulls first
        ) as previous_date

    from stock_daily
    where closing_quantity < 0

),

spells as (

    select
        *,
        sum(
            case when coalesce({{ days_between('previous_date', 'stock_date') }} = 1, false) then 0
                else 1 end
        ) over (
            partition by product_id, location_id
            order by stock_date asc nulls first
            rows between unbounded preceding and current row
        ) as spell_number

    from negative_days

),

found as (

    select
        product_id,
        location_id,
        min(stock_date) as stock_date,
        max(stock_date) as last_date,
        count(*) as days,
        min(closing_quantity) as lowest_quantity

    from spells
    group by product_id, location_id, spell_number

),

final as (

    select
        {{ surrogate_key(["'negative_stock'", 'product_id', 'location_id', 'stock_date']) }}
            as anomaly_id,
        last_date as detected_for_date,
        'stock' as subject,
        'negative_stock' as rule,
        'high' as severity,
        product_id,
        location_id,
        cast(null as string) as source,
        cast(lowest_quantity as double) as observed,
        cast(0 as double) as expected,
        cast(lowest_quantity as double) as deviation,
        'The book says ' || cast(lowest_quantity as string) || ' units of ' || product_id || ' at '
        || location_id || ' at worst, below zero for ' || cast(days as string) || ' day(s) from '
        || cast(stock_date as string) || ' to ' || cast(last_date as string) || '.' as reason,
        'marts.fct_stock_daily' as linked_table,
        {{ row_condition(['product_id', 'location_id', 'stock_date']) }} as linked_rows

    from found

)

select * from final
