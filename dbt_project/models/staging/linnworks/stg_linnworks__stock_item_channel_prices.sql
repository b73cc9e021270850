with

versions as (

    select
        price_id,
        stock_item_id,
        channel,
        channel_account,
        price,
        tag,
        update_status,
        starts_at,
        ends_at,
        rules,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by price_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_item_channel_prices') }}

),

current_rows as (

    select
        ---------- ids
        price_id,
        stock_item_id,

        ---------- text
        {{ clean_text('channel') }} as channel,
        {{ clean_text('channel_account') }} as channel_account,
        {{ clean_text('tag') }} as tag,
        {{ clean_text('update_status') }} as update_status,
        {{ clean_text('rules') }} as rules,

        ---------- dates and instants
        starts_at,
        ends_at,

        ---------- money
        price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
