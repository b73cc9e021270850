with

versions as (

    select
        stock_item_id,
        stock_location_id,
        level_row_id,
        sku,
        stock_location_number,
        location_name,
        location_tag,
        is_fulfilment_center,
        is_warehouse_managed,
        bin_rack,
        stock_level,
        stock_value,
        unit_cost,
        purchase_price,
        minimum_level,
        in_order_book,
        in_orders,
        due,
        available,
        is_just_in_time,
        is_auto_adjusted,
        is_update_pending,
        changed_at,
        changed_by,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by stock_item_id, stock_location_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_item_levels') }}

),

current_rows as (

    select
        ---------- ids
        stock_item_id,
        stock_location_id,

        ---------- text
        {{ clean_text('level_row_id') }} as level_row_id,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('location_name') }} as location_name,
        {{ clean_text('location_tag') }} as location_tag,
        {{ clean_text('bin_rack') }} as bin_rack,
        {{ clean_text('changed_by') }} as changed_by,

        ---------- numerics
        stock_location_number,
        stock_level,
        stock_value,
        unit_cost,
        minimum_level,
        in_order_book,
        in_orders,
        due,
        available,

        ---------- booleans
        is_fulfilment_center,
        is_warehouse_managed,
        is_just_in_time,
        is_auto_adjusted,
        is_update_pending,

        ---------- dates and instants
        changed_at,

        ---------- money
        purchase_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
