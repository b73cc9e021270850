with

versions as (

    select
        stock_location_id,
        stock_location_number,
        location_name,
        location_tag,
        bin_rack,
        is_fulfilment_center,
        is_warehouse_managed,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by stock_location_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_locations') }}

),

current_rows as (

    select
        ---------- ids
        stock_location_id,

        ---------- text
        {{ clean_text('location_name') }} as location_name,
        {{ clean_text('location_tag') }} as location_tag,
        {{ clean_text('bin_rack') }} as bin_rack,

        ---------- numerics
        stock_location_number,

        ---------- booleans
        is_fulfilment_center,
        is_warehouse_managed,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
