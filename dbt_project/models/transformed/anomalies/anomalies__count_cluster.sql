-- Corrections of one product that follow each other too closely. Days that each close seven days
-- with at least three corrections are one anomaly as long as they are less than seven days apart.

with

corrections as (

    select
        product_id,
        location_id,
        movement_date,
        count(*) as corrections,
        sum(quantity_change) as quantity_change

    from {{ ref('fct_stock_movements') }}
    where movement_type in ('adjustment', 'count') and quantity_change <> 0
    group by product_id, location_id, movement_date

),

weeks as (

    select
        corrections.product_id,
        corrections.location_id,
        corrections.movement_date,
        min(before.movement_date) as first_date,
        sum(before.corrections) as corrections_7

    from corrections
    inner join corrections as before
        on corrections.product_id = before.product_id
        and corrections.location_id = before.location_id
        and {{ days_between('before.movement_date', 'corrections.movement_date') }} between 0 and 6
    group by corrections.product_id, corrections.location_id, corrections.movement_date
    having sum(before.corrections) >= 3

),

followed as (

    select
        *,
        lag(movement_date) over (
            partition by product_id, location_id
            order by movement_date asc nulls first
        ) as previous_date

    from weeks

),

numbered as (

    select
        *,
        sum(
            case when coalesce({{ days_between('previous_date', 'movement_date') }} < 7, false)
                then 0 else 1 end
        ) over (
            partition by product_id, location_id
            order by movement_date asc nulls first
            rows between unbounded preceding and current row
        ) as cluster_number

    from followed

),

clusters as (

    select
        product_id,
        location_id,
        min(first_date) as first_date,
        max(movement_date) as last_date

    from numbered
    group by product_id, location_id, cluster_number

),

found as (

    select
        clusters.product_id,
        clusters.location_id,
        clusters.first_date,
        clusters.last_date,
        sum(corrections.corrections) as corrections,
        sum(corrections.quantity_change) as quantity_change

    from clusters
    inner join corrections
        on clusters.product_id = corrections.product_id
        and clusters.location_id = corrections.location_id
        and corrections.movement_date between clusters.first_date and clusters.last_date
    group by clusters.product_id, clusters.location_id, clusters.first_date, clusters.last_date

),

final as (

    select
        {{ surrogate_key(["'count_cluster'", 'product_id', 'location_id', 'first_date']) }}
            as anomaly_id,
        last_date as detected_for_date,
        'stock' as subject,
        'count_cluster' as rule,
        'medium' as severity,
        product_id,
        location_id,
        cast(null as string) as source,
        cast(corrections as double) as observed,
        cast(null as double) as expected,
        cast(null as double) as deviation,
        product_id || ' was corrected ' || cast(corrections as string) || ' times at '
        || location_id || ' between ' || cast(first_date as string) || ' and '
        || cast(last_date as string) || ', by ' || cast(quantity_change as string)
        || ' units in all.' as reason,
        'marts.fct_stock_movements' as linked_table,
        {{ row_condition(['product_id', 'location_id']) }}
        || ' and movement_type in (''adjustment'', ''count'') and movement_date between '''
        || cast(first_date as string) || ''' and ''' || cast(last_date as string) || ''''
            as linked_rows

    from found

)

select * from final
