with

versions as (

    select
        log_id,
        device_id,
        product_id,
        event_type,
        quantity,
        recorded_at,
        location,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by log_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'iot_device_logs') }}

),

current_rows as (

    select
        ---------- ids
        log_id,
        product_id,

        ---------- text
        {{ clean_text('device_id') }} as device_id,
        {{ clean_text('event_type') }} as event_type,
        {{ clean_text('location') }} as location,

        ---------- numerics
        quantity,

        ---------- dates and instants
        recorded_at,
        created_at,
        updated_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
