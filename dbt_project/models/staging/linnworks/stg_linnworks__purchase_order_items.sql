with

versions as (

    select
        purchase_order_item_id,
        purchase_order_id,
        stock_item_id,
        stock_item_number,
        sku,
        title,
        barcode,
        supplier_code,
        supplier_barcode,
        quantity,
        delivered_quantity,
        pack_quantity,
        pack_size,
        line_total,
        tax,
        tax_rate,
        bin_rack,
        sort_order,
        inventory_tracking_type,
        is_item_deleted,
        height,
        width,
        depth,
        bound_order_item_count,
        bound_quantity,
        sku_group_ids,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by purchase_order_item_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'purchase_order_items') }}

),

current_rows as (

    select
        ---------- ids
        purchase_order_item_id,
        purchase_order_id,
        stock_item_id,

        ---------- text
        {{ clean_text('sku') }} as sku,
        {{ clean_text('title') }} as title,
        {{ clean_text('barcode') }} as barcode,
        {{ clean_text('supplier_code') }} as supplier_code,
        {{ clean_text('supplier_barcode') }} as supplier_barcode,
        {{ clean_text('bin_rack') }} as bin_rack,
        {{ clean_text('sku_group_ids') }} as sku_group_ids,

        ---------- numerics
        stock_item_number,
        quantity,
        delivered_quantity,
        pack_quantity,
        pack_size,
        tax,
        tax_rate,
        sort_order,
        inventory_tracking_type,
        height,
        width,
        depth,
        bound_order_item_count,
        bound_quantity,

        ---------- booleans
        is_item_deleted,

        ---------- money
        line_total,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
