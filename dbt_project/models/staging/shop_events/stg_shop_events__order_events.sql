with

versions as (

    select
        event_id,
        order_number,
        event_type,
        sku,
        quantity,
        total_amount,
        event_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by event_id
            order by event_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('shop_events', 'order_events') }}

),

current_rows as (

    select
        ---------- ids
        event_id,

        ---------- text
        {{ clean_text('order_number') }} as order_number,
        {{ clean_text('event_type') }} as event_type,
        {{ clean_text('sku') }} as sku,

        ---------- numerics
        quantity,

        ---------- dates and instants
        event_at,

        ---------- money
        total_amount,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
