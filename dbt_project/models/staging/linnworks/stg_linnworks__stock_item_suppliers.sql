with

versions as (

    select
        stock_item_id,
        supplier_id,
        supplier,
        is_default,
        supplier_code,
        supplier_barcode,
        lead_time_days,
        average_lead_time_days,
        purchase_price,
        minimum_price,
        maximum_price,
        average_price,
        minimum_order_quantity,
        pack_size,
        currency,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by stock_item_id, supplier_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_item_suppliers') }}

),

current_rows as (

    select
        ---------- ids
        stock_item_id,
        supplier_id,

        ---------- text
        {{ clean_text('supplier') }} as supplier,
        {{ clean_text('supplier_code') }} as supplier_code,
        {{ clean_text('supplier_barcode') }} as supplier_barcode,
        {{ clean_text('currency') }} as currency,

        ---------- numerics
        lead_time_days,
        average_lead_time_days,
        average_price,
        minimum_order_quantity,
        pack_size,

        ---------- booleans
        is_default,

        ---------- money
        purchase_price,
        minimum_price,
        maximum_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
