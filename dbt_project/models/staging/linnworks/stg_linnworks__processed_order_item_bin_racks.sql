with

versions as (

    select
        order_item_id,
        bin_position,
        order_id,
        bin_rack,
        stock_location_id,
        quantity,
        batch_id,
        order_item_batch_id,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_item_id, bin_position
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'processed_order_item_bin_racks') }}

),

current_rows as (

    select
        ---------- ids
        order_item_id,
        bin_position,

        ---------- text
        {{ clean_text('order_id') }} as order_id,
        {{ clean_text('bin_rack') }} as bin_rack,
        {{ clean_text('stock_location_id') }} as stock_location_id,

        ---------- numerics
        quantity,
        batch_id,
        order_item_batch_id,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
