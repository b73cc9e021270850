-- Stock that the book has and customers do not buy, though they used to: perhaps it is not there.
-- The chance of a sale on a day in stock is taken from the days up to the last sale, with one day
-- more that had none, so that no item is certain to sell.

with

stock_daily as (

    select * from {{ ref('fct_stock_daily') }}

),

stock_position as (

    select * from {{ ref('fct_stock_position') }}
    where on_hand > 0

),

sales as (

    select distinct
        product_id,
        location_id,
        movement_date

    from {{ ref('fct_stock_movements') }}
    where movement_type = 'sale'

),

last_sales as (

    select
        product_id,
        location_id,
        max(movement_date) as last_sale_date

    from sales
    group by product_id, location_id

),

-- Days in stock: something was left at their end, or something was sold on them.
counted as (

    select
        stock_daily.product_id,
        stock_daily.location_id,
        last_sales.last_sale_date,
        sum(case when sales.movement_date is not null then 1 else 0 end) as sale_days,
        sum(case when stock_daily.stock_date <= last_sales.last_sale_date then 1 else 0 end)
            as days_before,
        sum(case when stock_daily.stock_date > last_sales.last_sale_date then 1 else 0 end)
            as silent_days

    from stock_daily
    inner join last_sales
        on stock_daily.product_id = last_sales.product_id
        and stock_daily.location_id = last_sales.location_id
    left join sales
        on stock_daily.product_id = sales.product_id
        and stock_daily.location_id = sales.location_id
        and stock_daily.stock_date = sales.movement_date
    where stock_daily.closing_quantity > 0 or sales.movement_date is not null
    group by stock_daily.product_id, stock_daily.location_id, last_sales.last_sale_date

),

judged as (

    select
        stock_position.product_id,
        stock_position.location_id,
        stock_position.as_of_date as stock_date,
        stock_position.on_hand,
        counted.last_sale_date,
        counted.sale_days,
        counted.days_before,
        counted.silent_days,
        cast(counted.sale_days as double) / (counted.days_before + 1) as sale_chance

    from stock_position
    inner join counted
        on stock_position.product_id = counted.product_id
        and stock_position.location_id = counted.location_id
    where counted.sale_days >= 8

),

final as (

    select
        {{ surrogate_key(["'phantom_stock'", 'product_id', 'location_id', 'stock_date']) }}
            as anomaly_id,
        stock_date as detected_for_date,
        'stock' as subject,
        'phantom_stock' as rule,
        'medium' as severity,
        product_id,
        location_id,
        cast(null as string) as source,
        cast(silent_days as double) as observed,
        cast(1 / sale_chance as double) as expected,
        cast(power(1 - sale_chance, silent_days) as double) as deviation,
        'The book has ' || cast(on_hand as string) || ' units of ' || product_id || ' at '
        || location_id || ', but none was sold on the last ' || cast(silent_days as string)
        || ' days in stock, since ' || cast(last_sale_date as string) || '; before, '
        || cast(sale_days as string) || ' of ' || cast(days_before as string)
        || ' days in stock had a sale.' as reason,
        'marts.fct_stock_daily' as linked_table,
        {{ row_condition(['product_id', 'location_id', 'stock_date']) }} as linked_rows

    from judged
    where power(1 - sale_chance, silent_days) < 0.001

)

select * from final
