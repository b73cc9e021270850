with

versions as (

    select
        property_id,
        order_id,
        property_name,
        property_value,
        property_type,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by property_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'processed_order_extended_properties') }}

),

current_rows as (

    select
        ---------- ids
        property_id,
        order_id,

        ---------- text
        {{ clean_text('property_name') }} as property_name,
        {{ clean_text('property_value') }} as property_value,
        {{ clean_text('property_type') }} as property_type,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
