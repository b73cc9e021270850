with

versions as (

    select
        image_id,
        stock_item_id,
        thumbnail_url,
        image_url,
        is_main,
        sort_order,
        image_checksum,
        internal_checksum,
        raw_checksum,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by image_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_item_images') }}

),

current_rows as (

    select
        ---------- ids
        image_id,
        stock_item_id,

        ---------- text
        {{ clean_text('thumbnail_url') }} as thumbnail_url,
        {{ clean_text('image_url') }} as image_url,
        {{ clean_text('image_checksum') }} as image_checksum,
        {{ clean_text('internal_checksum') }} as internal_checksum,
        {{ clean_text('raw_checksum') }} as raw_checksum,

        ---------- numerics
        sort_order,

        ---------- booleans
        is_main,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
