{#- History from the versions that loads brought: common table expressions that follow `versions` and
    end with `changes`, one row per key and state, with version_number, valid_from_at and valid_to_at.

    `versions` has the key, the columns whose changes count, is_deleted, created_at, updated_at,
    _load_id and _loaded_at. A version starts when the source says it changed; where the source's
    time stamp did not move, as when a row vanishes, it starts when the change was first seen. -#}
{% macro validity_intervals(versions, key, columns) -%}
compared as (

    select
        *,
        {{ surrogate_key(columns + ['is_deleted']) }} as content_key,
        row_number() over (
            partition by {{ key }}
            order by _load_id asc nulls first
        ) as load_number,
        max(updated_at) over (
            partition by {{ key }}
            order by _load_id asc nulls first
            rows between unbounded preceding and 1 preceding
        ) as known_updated_at

    from {{ versions }}

),

dated as (

    select
        *,
        case
            when load_number = 1 then created_at
            when updated_at > known_updated_at then updated_at
            else _loaded_at
        end as started_at

    from compared

),

-- A version never starts before the one it replaces, whatever the clocks say.
ordered as (

    select
        *,
        max(started_at) over (
            partition by {{ key }}
            order by load_number asc nulls first
            rows between unbounded preceding and current row
        ) as valid_from_at

    from dated

),

-- Of several versions that start at the same instant, only the last was ever valid.
ranked as (

    select
        *,
        row_number() over (
            partition by {{ key }}, valid_from_at
            order by load_number desc nulls last
        ) as newest_first

    from ordered

),

lasting as (

    select
        *,
        lag(content_key) over (
            partition by {{ key }}
            order by valid_from_at asc nulls first
        ) as previous_content_key

    from ranked
    where newest_first = 1

),

changes as (

    select
        *,
        row_number() over (
            partition by {{ key }}
            order by valid_from_at asc nulls first
        ) as version_number,
        lead(valid_from_at) over (
            partition by {{ key }}
            order by valid_from_at asc nulls first
        ) as valid_to_at

    from lasting
    where content_key is distinct from previous_content_key

)
{%- endmacro %}
