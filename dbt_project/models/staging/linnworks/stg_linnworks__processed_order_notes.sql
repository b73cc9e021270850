with

versions as (

    select
        order_note_id,
        order_id,
        noted_at,
        is_internal,
        note,
        created_by,
        note_type_id,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_note_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'processed_order_notes') }}

),

current_rows as (

    select
        ---------- ids
        order_note_id,
        order_id,

        ---------- text
        {{ clean_text('note') }} as note,
        {{ clean_text('created_by') }} as created_by,

        ---------- numerics
        note_type_id,

        ---------- booleans
        is_internal,

        ---------- dates and instants
        noted_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
