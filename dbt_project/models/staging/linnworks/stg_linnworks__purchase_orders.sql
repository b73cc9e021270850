with

versions as (

    select
        purchase_order_id,
        supplier_id,
        stock_location_id,
        status,
        reference_number,
        supplier_reference,
        is_locked,
        line_count,
        delivered_line_count,
        tax_included_type,
        purchased_at,
        delivered_at,
        quoted_delivery_at,
        currency,
        conversion_rate,
        total_cost,
        tax_paid,
        postage_paid,
        shipping_tax_rate,
        converted_shipping_cost,
        converted_shipping_tax,
        converted_other_cost,
        converted_other_tax,
        converted_grand_total,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by purchase_order_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'purchase_orders') }}

),

current_rows as (

    select
        ---------- ids
        purchase_order_id,
        supplier_id,
        stock_location_id,

        ---------- text
        {{ clean_text('status') }} as status,
        {{ clean_text('reference_number') }} as reference_number,
        {{ clean_text('supplier_reference') }} as supplier_reference,
        {{ clean_text('currency') }} as currency,

        ---------- numerics
        line_count,
        delivered_line_count,
        tax_included_type,
        conversion_rate,
        tax_paid,
        shipping_tax_rate,
        converted_shipping_cost,
        converted_shipping_tax,
        converted_other_cost,
        converted_other_tax,
        converted_grand_total,

        ---------- booleans
        is_locked,

        ---------- dates and instants
        purchased_at,
        delivered_at,
        quoted_delivery_at,

        ---------- money
        total_cost,
        postage_paid,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
