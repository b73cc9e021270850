with

versions as (

    select
        stock_item_id,
        stock_item_number,
        sku,
        title,
        barcode,
        description,
        is_variation_parent,
        is_batched,
        category_id,
        category,
        purchase_price,
        retail_price,
        tax_rate,
        postal_service_id,
        postal_service,
        package_group_id,
        package_group,
        height,
        width,
        depth,
        weight,
        item_created_at,
        inventory_tracking_type,
        is_batch_scan_required,
        is_serial_scan_required,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by stock_item_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_items') }}

),

current_rows as (

    select
        ---------- ids
        stock_item_id,

        ---------- text
        {{ clean_text('sku') }} as sku,
        {{ clean_text('title') }} as title,
        {{ clean_text('barcode') }} as barcode,
        {{ clean_text('description') }} as description,
        {{ clean_text('category_id') }} as category_id,
        {{ clean_text('category') }} as category,
        {{ clean_text('postal_service_id') }} as postal_service_id,
        {{ clean_text('postal_service') }} as postal_service,
        {{ clean_text('package_group_id') }} as package_group_id,
        {{ clean_text('package_group') }} as package_group,

        ---------- numerics
        stock_item_number,
        tax_rate,
        height,
        width,
        depth,
        weight,
        inventory_tracking_type,

        ---------- booleans
        is_variation_parent,
        is_batched,
        is_batch_scan_required,
        is_serial_scan_required,

        ---------- dates and instants
        item_created_at,

        ---------- money
        purchase_price,
        retail_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
