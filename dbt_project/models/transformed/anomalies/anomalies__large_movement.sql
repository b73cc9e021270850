-- The largest movement of a type does not count towards what is usual for the type, or it would
-- excuse itself. At least 20 others are needed.

with

stock_movements as (

    select * from {{ ref('fct_stock_movements') }}

),

ranked as (

    select
        movement_type,
        quantity,
        row_number() over (
            partition by movement_type
            order by quantity desc nulls last, movement_id asc nulls last
        ) as largest_first

    from stock_movements

),

usual as (

    select
        movement_type,
        {{ percentile('quantity', 0.99) }} as p99

    from ranked
    where largest_first > 1
    group by movement_type
    having count(*) >= 20

),

found as (

    select
        stock_movements.*,
        usual.p99

    from stock_movements
    inner join usual on stock_movements.movement_type = usual.movement_type
    where stock_movements.quantity > 10 * usual.p99

),

final as (

    select
        {{ surrogate_key(["'large_movement'", 'movement_id']) }} as anomaly_id,
        movement_date as detected_for_date,
        'stock' as subject,
        'large_movement' as rule,
        'high' as severity,
        product_id,
        location_id,
        source,
        cast(quantity as double) as observed,
        cast(p99 as double) as expected,
        cast(quantity / nullif(p99, 0) as double) as deviation,
        'A movement of type ' || movement_type || ' moved ' || cast(quantity as string)
        || ' units of ' || product_id || ' at ' || location_id
        || '; 99 % of such movements are not above '
        || cast(cast(p99 as decimal(18, 1)) as string) || '.' as reason,
        'marts.fct_stock_movements' as linked_table,
        {{ row_condition(['movement_id']) }} as linked_rows

    from found

)

select * from final
