-- A change of cost is unusual by its size, or beside how the cost of the same product from the same
-- supplier varied before. The second is asked only after four versions; their spread is taken as at
-- least one hundredth of the usual cost, so that a cost that never moved may move a little.

with

versions as (

    select
        source,
        supplier_id,
        product_id,
        valid_from_date,
        unit_cost,
        row_number() over (
            partition by source, supplier_id, product_id
            order by valid_from_date asc nulls first, unit_cost asc nulls first
        ) as version_number,
        lag(unit_cost) over (
            partition by source, supplier_id, product_id
            order by valid_from_date asc nulls first, unit_cost asc nulls first
        ) as previous_cost

    from {{ ref('supplier_terms_history') }}
    where unit_cost > 0

),

earlier as (

    select
        versions.source,
        versions.supplier_id,
        versions.product_id,
        versions.version_number,
        before.unit_cost as earlier_cost

    from versions
    inner join versions as before
        on versions.source = before.source
        and versions.supplier_id = before.supplier_id
        and versions.product_id = before.product_id
        and versions.version_number > before.version_number

),

centers as (

    select
        source,
        supplier_id,
        product_id,
        version_number,
        {{ percentile('earlier_cost', 0.5) }} as usual_cost

    from earlier
    group by source, supplier_id, product_id, version_number
    having count(*) >= 4

),

spreads as (

    select
        centers.source,
        centers.supplier_id,
        centers.product_id,
        centers.version_number,
        max(centers.usual_cost) as usual_cost,
        greatest(
            {{ percentile('abs(earlier.earlier_cost - centers.usual_cost)', 0.5) }},
            max(centers.usual_cost) / 100
        ) as spread

    from centers
    inner join earlier
        on centers.source = earlier.source
        and centers.supplier_id = earlier.supplier_id
        and centers.product_id = earlier.product_id
        and centers.version_number = earlier.version_number
    group by centers.source, centers.supplier_id, centers.product_id, centers.version_number

),

judged as (

    select
        versions.source,
        versions.supplier_id,
        versions.product_id,
        versions.valid_from_date,
        cast(versions.unit_cost as double) as unit_cost,
        cast(versions.previous_cost as double) as previous_cost,
        cast(versions.unit_cost as double) / cast(versions.previous_cost as double) - 1 as change,
        abs(versions.unit_cost - spreads.usual_cost) / spreads.spread as spreads_away

    from versions
    left join spreads
        on versions.source = spreads.source
        and versions.supplier_id = spreads.supplier_id
        and versions.product_id = spreads.product_id
        and versions.version_number = spreads.version_number
    where versions.previous_cost is not null and versions.unit_cost <> versions.previous_cost

),

found as (

    select *
    from judged
    where abs(change) > 0.3 or spreads_away > 3

),

final as (

    select
        {{ surrogate_key([
            "'cost_jump'", 'source', 'supplier_id', 'product_id', 'valid_from_date', 'unit_cost'
        ]) }} as anomaly_id,
        valid_from_date as detected_for_date,
        'cost' as subject,
        'cost_jump' as rule,
        case when abs(change) > 0.3 then 'high' else 'low' end as severity,
        product_id,
        cast(null as string) as location_id,
        source,
        unit_cost as observed,
        previous_cost as expected,
        change as deviation,
        'The cost of ' || product_id || ' from ' || supplier_id || ' went from '
        || cast(cast(previous_cost as decimal(18, 2)) as string) || ' to '
        || cast(cast(unit_cost as decimal(18, 2)) as string) || ' ('
        || cast(cast(100 * change as decimal(18, 1)) as string) || ' %) on '
        || cast(valid_from_date as string)
        || case
            when spreads_away > 3
                then ', ' || cast(cast(spreads_away as decimal(18, 1)) as string)
                    || ' times its usual spread from its usual cost'
            else ''
        end || '.' as reason,
        'transformed.supplier_terms_history' as linked_table,
        {{ row_condition(['source', 'supplier_id', 'product_id', 'valid_from_date']) }}
            as linked_rows

    from found

)

select * from final
