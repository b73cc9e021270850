{#- The book of a place that is counted now and then: common table expressions that follow `counts`
    and `documents` and end with `booked`. The first count opens the book of a product and location;
    documents after it are movements; what a later count says beyond them is a correction.

    `counts` has product_id, location_id, placed_at, moved_at, movement_date, quantity, source_table,
    source_id, last_load_id; `documents` has movement_id, product_id, location_id, placed_at, moved_at,
    movement_date, movement_type, reason, quantity_change, source_table, source_id, order_line_id,
    last_load_id. A document belongs to the first count with a `placed_at` that is not before its own. -#}
{% macro book_from_counts(source) -%}
numbered_counts as (

    select
        product_id,
        location_id,
        placed_at,
        moved_at,
        movement_date,
        quantity,
        source_table,
        source_id,
        last_load_id,
        row_number() over (
            partition by product_id, location_id
            order by placed_at asc nulls first, source_id asc nulls first
        ) as count_number,
        lag(quantity) over (
            partition by product_id, location_id
            order by placed_at asc nulls first, source_id asc nulls first
        ) as quantity_before,
        lead(placed_at) over (
            partition by product_id, location_id
            order by placed_at asc nulls first, source_id asc nulls first
        ) as next_placed_at

    from counts

),

counted_documents as (

    select
        documents.movement_id,
        documents.product_id,
        documents.location_id,
        documents.moved_at,
        documents.movement_date,
        documents.movement_type,
        documents.reason,
        documents.quantity_change,
        documents.source_table,
        documents.source_id,
        documents.order_line_id,
        documents.last_load_id,
        numbered_counts.count_number + 1 as next_count_number

    from documents
    inner join numbered_counts
        on documents.product_id = numbered_counts.product_id
        and documents.location_id = numbered_counts.location_id
        and documents.placed_at > numbered_counts.placed_at
        and (
            numbered_counts.next_placed_at is null
            or documents.placed_at <= numbered_counts.next_placed_at
        )

),

expected_changes as (

    select
        product_id,
        location_id,
        next_count_number,
        sum(quantity_change) as quantity_change,
        max(last_load_id) as last_load_id

    from counted_documents
    group by
        product_id,
        location_id,
        next_count_number

),

booked as (

    select
        movement_id,
        product_id,
        location_id,
        moved_at,
        movement_date,
        movement_type,
        reason,
        quantity_change,
        source_table,
        source_id,
        order_line_id,
        last_load_id

    from counted_documents
    where quantity_change <> 0

    union all

    select
        '{{ source }}-count-' || numbered_counts.source_id as movement_id,
        numbered_counts.product_id,
        numbered_counts.location_id,
        numbered_counts.moved_at,
        numbered_counts.movement_date,
        case when numbered_counts.count_number = 1 then 'opening' else 'count' end as movement_type,
        case when numbered_counts.count_number = 1 then 'first count' else 'later count' end as reason,
        numbered_counts.quantity - coalesce(numbered_counts.quantity_before, 0)
            - coalesce(expected_changes.quantity_change, 0) as quantity_change,
        numbered_counts.source_table,
        numbered_counts.source_id,
        cast(null as string) as order_line_id,
        greatest(
            numbered_counts.last_load_id,
            coalesce(expected_changes.last_load_id, numbered_counts.last_load_id)
        ) as last_load_id

    from numbered_counts
    left join expected_changes
        on numbered_counts.product_id = expected_changes.product_id
        and numbered_counts.location_id = expected_changes.location_id
        and numbered_counts.count_number = expected_changes.next_count_number
    where numbered_counts.count_number = 1
        or numbered_counts.quantity <> numbered_counts.quantity_before
            + coalesce(expected_changes.quantity_change, 0)

)
{%- endmacro %}
