with

versions as (

    select
        order_item_id,
        order_id,
        parent_order_item_id,
        stock_item_id,
        stock_item_number,
        item_id,
        stock_id,
        sku,
        item_number,
        item_source,
        title,
        item_name,
        channel_sku,
        channel_title,
        barcode,
        category_id,
        category,
        market,
        quantity,
        part_shipped_quantity,
        is_part_shipped,
        is_service,
        is_unlinked,
        price_per_unit,
        unit_cost,
        despatch_unit_cost,
        discount_percent,
        discount_value,
        tax,
        tax_rate,
        sales_tax,
        is_tax_included,
        line_total_ex_tax,
        line_total,
        shipping_cost,
        weight,
        has_image,
        image_id,
        inventory_tracking_type,
        is_batch_scan_required,
        is_serial_scan_required,
        is_batched,
        is_warehouse_managed,
        bin_rack,
        added_at,
        purchase_order_item_id,
        purchase_order_row_id,
        purchase_order_id,
        purchase_order_reference,
        purchase_supplier_id,
        purchase_supplier,
        purchase_location_id,
        purchase_delivered_at,
        purchase_quoted_at,
        additional_info,
        boxes,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_item_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'processed_order_items') }}

),

current_rows as (

    select
        ---------- ids
        order_item_id,
        order_id,
        stock_item_id,

        ---------- text
        {{ clean_text('parent_order_item_id') }} as parent_order_item_id,
        {{ clean_text('item_id') }} as item_id,
        {{ clean_text('stock_id') }} as stock_id,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('item_number') }} as item_number,
        {{ clean_text('item_source') }} as item_source,
        {{ clean_text('title') }} as title,
        {{ clean_text('item_name') }} as item_name,
        {{ clean_text('channel_sku') }} as channel_sku,
        {{ clean_text('channel_title') }} as channel_title,
        {{ clean_text('barcode') }} as barcode,
        {{ clean_text('category_id') }} as category_id,
        {{ clean_text('category') }} as category,
        {{ clean_text('image_id') }} as image_id,
        {{ clean_text('bin_rack') }} as bin_rack,
        {{ clean_text('purchase_order_item_id') }} as purchase_order_item_id,
        {{ clean_text('purchase_order_row_id') }} as purchase_order_row_id,
        {{ clean_text('purchase_order_id') }} as purchase_order_id,
        {{ clean_text('purchase_order_reference') }} as purchase_order_reference,
        {{ clean_text('purchase_supplier_id') }} as purchase_supplier_id,
        {{ clean_text('purchase_supplier') }} as purchase_supplier,
        {{ clean_text('purchase_location_id') }} as purchase_location_id,
        {{ clean_text('additional_info') }} as additional_info,
        {{ clean_text('boxes') }} as boxes,

        ---------- numerics
        stock_item_number,
        market,
        quantity,
        part_shipped_quantity,
        price_per_unit,
        unit_cost,
        despatch_unit_cost,
        discount_percent,
        discount_value,
        tax,
        tax_rate,
        sales_tax,
        line_total_ex_tax,
        line_total,
        shipping_cost,
        weight,
        inventory_tracking_type,

        ---------- booleans
        is_part_shipped,
        is_service,
        is_unlinked,
        is_tax_included,
        has_image,
        is_batch_scan_required,
        is_serial_scan_required,
        is_batched,
        is_warehouse_managed,

        ---------- dates and instants
        added_at,
        purchase_delivered_at,
        purchase_quoted_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
