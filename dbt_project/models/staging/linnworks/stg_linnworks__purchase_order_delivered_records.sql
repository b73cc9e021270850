with

versions as (

    select
        delivery_record_id,
        purchase_order_id,
        purchase_order_item_id,
        delivery_id,
        stock_location_id,
        delivered_quantity,
        unit_cost,
        delivered_at,
        modified_at,
        batch_id,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by delivery_record_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'purchase_order_delivered_records') }}

),

current_rows as (

    select
        ---------- ids
        delivery_record_id,
        purchase_order_id,
        purchase_order_item_id,

        ---------- text
        {{ clean_text('stock_location_id') }} as stock_location_id,

        ---------- numerics
        delivery_id,
        delivered_quantity,
        unit_cost,
        batch_id,

        ---------- dates and instants
        delivered_at,
        modified_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
