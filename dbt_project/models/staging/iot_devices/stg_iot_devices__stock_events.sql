with

versions as (

    select
        event_id,
        device_id,
        sequence,
        sku,
        location,
        event_type,
        quantity,
        event_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by event_id
            order by event_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('iot_devices', 'stock_events') }}

),

current_rows as (

    select
        ---------- ids
        event_id,

        ---------- text
        {{ clean_text('device_id') }} as device_id,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('location') }} as location,
        {{ clean_text('event_type') }} as event_type,

        ---------- numerics
        sequence,
        quantity,

        ---------- dates and instants
        event_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
