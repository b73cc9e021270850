with

versions as (

    select
        event_id,
        session_id,
        visitor_id,
        happened_at,
        event,
        device,
        sku,
        search_words,
        order_value,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by event_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('shop_files', 'user_activity') }}

),

current_rows as (

    select
        ---------- ids
        event_id,

        ---------- text
        {{ clean_text('visitor_id') }} as visitor_id,
        {{ clean_text('event') }} as event,
        {{ clean_text('device') }} as device,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('search_words') }} as search_words,

        ---------- numerics
        session_id,

        ---------- dates and instants
        happened_at,

        ---------- money
        order_value,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
