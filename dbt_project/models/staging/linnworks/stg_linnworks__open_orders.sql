with

versions as (

    select
        order_id,
        order_number,
        paid_at,
        fulfilment_location_id,
        status_code,
        is_on_hold,
        is_parked,
        marker,
        is_part_shipped,
        stock_allocation,
        reference_number,
        secondary_reference,
        external_reference,
        received_at,
        channel,
        channel_account,
        channel_site,
        despatch_by_at,
        scheduled_delivery_from,
        scheduled_delivery_to,
        location_id,
        item_count,
        folders,
        courier,
        postal_service,
        total_weight,
        tracking_number,
        country,
        currency,
        conversion_rate,
        total_charge,
        subtotal,
        tax,
        postage_cost,
        total_discount,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'open_orders') }}

),

current_rows as (

    select
        ---------- ids
        order_id,
        fulfilment_location_id,

        ---------- text
        {{ clean_text('stock_allocation') }} as stock_allocation,
        {{ clean_text('reference_number') }} as reference_number,
        {{ clean_text('secondary_reference') }} as secondary_reference,
        {{ clean_text('external_reference') }} as external_reference,
        {{ clean_text('channel') }} as channel,
        {{ clean_text('channel_account') }} as channel_account,
        {{ clean_text('channel_site') }} as channel_site,
        {{ clean_text('location_id') }} as location_id,
        {{ clean_text('folders') }} as folders,
        {{ clean_text('courier') }} as courier,
        {{ clean_text('postal_service') }} as postal_service,
        {{ clean_text('tracking_number') }} as tracking_number,
        {{ clean_text('country') }} as country,
        {{ clean_text('currency') }} as currency,

        ---------- numerics
        order_number,
        status_code,
        marker,
        item_count,
        total_weight,
        conversion_rate,
        subtotal,
        tax,
        total_discount,

        ---------- booleans
        is_on_hold,
        is_parked,
        is_part_shipped,

        ---------- dates and instants
        paid_at,
        received_at,
        despatch_by_at,
        scheduled_delivery_from,
        scheduled_delivery_to,

        ---------- money
        total_charge,
        postage_cost,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
