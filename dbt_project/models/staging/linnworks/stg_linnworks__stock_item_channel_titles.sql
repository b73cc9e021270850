with

versions as (

    select
        title_id,
        stock_item_id,
        channel,
        channel_account,
        title,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by title_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_item_channel_titles') }}

),

current_rows as (

    select
        ---------- ids
        title_id,
        stock_item_id,

        ---------- text
        {{ clean_text('channel') }} as channel,
        {{ clean_text('channel_account') }} as channel_account,
        {{ clean_text('title') }} as title,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
