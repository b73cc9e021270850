with

versions as (

    select
        log_id,
        product_id,
        quantity_before,
        quantity_after,
        action_type,
        action_date,
        performed_by,
        notes,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by log_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'inventory_logs') }}

),

current_rows as (

    select
        ---------- ids
        log_id,
        product_id,

        ---------- text
        {{ clean_text('action_type') }} as action_type,
        {{ clean_text('performed_by') }} as performed_by,
        {{ clean_text('notes') }} as notes,

        ---------- numerics
        quantity_before,
        quantity_after,

        ---------- dates and instants
        action_date,
        created_at,
        updated_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
