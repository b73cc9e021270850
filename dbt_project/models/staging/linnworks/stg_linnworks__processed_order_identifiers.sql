with

versions as (

    select
        order_id,
        identifier_id,
        tag,
        name,
        is_custom,
        image_id,
        image_url,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_id, identifier_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'processed_order_identifiers') }}

),

current_rows as (

    select
        ---------- ids
        order_id,
        identifier_id,

        ---------- text
        {{ clean_text('tag') }} as tag,
        {{ clean_text('name') }} as name,
        {{ clean_text('image_id') }} as image_id,
        {{ clean_text('image_url') }} as image_url,

        ---------- booleans
        is_custom,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
