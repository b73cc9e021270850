{% set columns = [
    'order_id', 'source', 'order_state', 'source_status', 'changed_at', 'last_load_id'
] %}

with

inventory_db_order_status_changes as (

    select * from {{ ref('order_status_changes__inventory_db') }}

),

linnworks_order_status_changes as (

    select * from {{ ref('order_status_changes__linnworks') }}

),

shop_events_order_status_changes as (

    select * from {{ ref('order_status_changes__shop_events') }}

),

model_cars_order_status_changes as (

    select * from {{ ref('order_status_changes__model_cars') }}

),

united as (

    select {{ columns | join(', ') }} from inventory_db_order_status_changes
    union all
    select {{ columns | join(', ') }} from linnworks_order_status_changes
    union all
    select {{ columns | join(', ') }} from shop_events_order_status_changes
    union all
    select {{ columns | join(', ') }} from model_cars_order_status_changes

),

-- A state that is told again is no change.
compared as (

    select
        *,
        lag(source_status) over (
            partition by order_id
            order by changed_at asc nulls first, source_status asc nulls first
        ) as status_before

    from united

),

final as (

    select
        order_id,
        source,
        row_number() over (
            partition by order_id
            order by changed_at asc nulls first, source_status asc nulls first
        ) as sequence_number,
        order_state,
        source_status,
        changed_at,
        last_load_id

    from compared
    where source_status is distinct from status_before

)

select * from final
