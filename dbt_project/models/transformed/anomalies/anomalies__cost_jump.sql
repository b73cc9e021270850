-- A change of cost is unusual by its size, or beside the changes of the same product's cost at the
-- same supplier before. The second is asked only after four changes; their spread is taken as at
-- least one per cent, so that a cost that never moved may move a little.

with

versions as (

    select
        source,
        supplier_id,
        product_id,
        valid_from_date,
        unit_cost,
        row_number() over (
            partition by supplier_id, product_id
            order by valid_from_date asc nulls first
        ) as version_number,
        lag(unit_cost) over (
            partition by supplier_id, product_id
            order by valid_from_date asc nulls first
        ) as previous_cost

    from {{ ref('supplier_terms_history') }}
    where unit_cost > 0

),

changes as (

    select
        *,
        cast(unit_cost - previous_cost as double) / cast(previous_cost as double) as change,
        abs(unit_cost - previous_cost) > 0.3 * previous_cost as is_large

    from versions
    where previous_cost is not null

),

earlier as (

    select
        changes.supplier_id,
        changes.product_id,
        changes.version_number,
        before.change as earlier_change

    from changes
    inner join changes as before
        on changes.supplier_id = before.supplier_id
        and changes.product_id = before.product_id
        and changes.version_number > before.version_number

),

centers as (

    select
        supplier_id,
        product_id,
        version_number,
        {{ percentile('earlier_change', 0.5) }} as usual_change

    from earlier
    group by supplier_id, product_id, version_number
    having count(*) >= 4

),

spreads as (

    select
        centers.supplier_id,
        centers.product_id,
        centers.version_number,
        max(centers.usual_change) as usual_change,
        greatest(
            {{ percentile('abs(earlier.earlier_change - centers.usual_change)', 0.5) }}, 0.01
        ) as spread

    from centers
    inner join earlier
        on centers.supplier_id = earlier.supplier_id
        and centers.product_id = earlier.product_id
        and centers.version_number = earlier.version_number
    group by centers.supplier_id, centers.product_id, centers.version_number

),

judged as (

    select
        changes.*,
        abs(changes.change - spreads.usual_change) / spreads.spread as spreads_away

    from changes
    left join spreads
        on changes.supplier_id = spreads.supplier_id
        and changes.product_id = spreads.product_id
        and changes.version_number = spreads.version_number
    where changes.unit_cost <> changes.previous_cost

),

found as (

    select *
    from judged
    where is_large or spreads_away > 3

),

final as (

    select
        {{ surrogate_key(["'cost_jump'", 'supplier_id', 'product_id', 'valid_from_date']) }}
            as anomaly_id,
        valid_from_date as detected_for_date,
        'cost' as subject,
        'cost_jump' as rule,
        case when is_large then 'high' else 'low' end as severity,
        product_id,
        cast(null as string) as location_id,
        source,
        cast(unit_cost as double) as observed,
        cast(previous_cost as double) as expected,
        change as deviation,
        'The cost of ' || product_id || ' from ' || supplier_id || ' went from '
        || cast(cast(previous_cost as decimal(18, 2)) as string) || ' to '
        || cast(cast(unit_cost as decimal(18, 2)) as string) || ' ('
        || cast(cast(100 * change as decimal(18, 1)) as string) || ' %) on '
        || cast(valid_from_date as string)
        || case
            when spreads_away > 3
                then ', ' || cast(cast(spreads_away as decimal(18, 1)) as string)
                    || ' times the usual spread from its usual change'
            else ''
        end || '.' as reason,
        'marts.dim_supplier_terms' as linked_table,
        {{ row_condition(['supplier_id', 'product_id', 'valid_from_date']) }} as linked_rows

    from found

)

select * from final
