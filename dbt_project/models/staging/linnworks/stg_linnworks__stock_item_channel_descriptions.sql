with

versions as (

    select
        description_id,
        stock_item_id,
        channel,
        channel_account,
        description,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by description_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_item_channel_descriptions') }}

),

current_rows as (

    select
        ---------- ids
        description_id,
        stock_item_id,

        ---------- text
        {{ clean_text('channel') }} as channel,
        {{ clean_text('channel_account') }} as channel_account,
        {{ clean_text('description') }} as description,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
