with

versions as (

    select
        event_id,
        session_id,
        event_type,
        sku,
        quantity,
        search_text,
        channel,
        event_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by event_id
            order by event_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('shop_events', 'activity') }}

),

current_rows as (

    select
        ---------- ids
        event_id,

        ---------- text
        {{ clean_text('session_id') }} as session_id,
        {{ clean_text('event_type') }} as event_type,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('search_text') }} as search_text,
        {{ clean_text('channel') }} as channel,

        ---------- numerics
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
