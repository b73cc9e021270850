with

versions as (

    select
        order_id,
        order_number,
        status_code,
        is_cancelled,
        is_resend,
        is_exchange,
        received_at,
        processed_at,
        paid_at,
        cancelled_at,
        days_to_process,
        channel,
        channel_account,
        account_name,
        reference_number,
        secondary_reference,
        external_reference,
        fulfilment_location,
        folders,
        currency,
        total_charge,
        subtotal,
        tax,
        postage_cost,
        postage_cost_ex_tax,
        total_discount,
        profit_margin,
        country_tax_rate,
        courier,
        postal_service,
        postal_service_code,
        tracking_number,
        package_category,
        package_type,
        item_weight,
        total_weight,
        buyer_user_name,
        full_name,
        company,
        email,
        phone_number,
        tax_id,
        shipping_address,
        address_1,
        address_2,
        address_3,
        town,
        region,
        post_code,
        country,
        billing_address,
        billing_full_name,
        billing_company,
        billing_email,
        billing_phone_number,
        billing_address_1,
        billing_address_2,
        billing_address_3,
        billing_town,
        billing_region,
        billing_post_code,
        billing_country,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'processed_orders') }}

),

current_rows as (

    select
        ---------- ids
        order_id,

        ---------- text
        {{ clean_text('channel') }} as channel,
        {{ clean_text('channel_account') }} as channel_account,
        {{ clean_text('account_name') }} as account_name,
        {{ clean_text('reference_number') }} as reference_number,
        {{ clean_text('secondary_reference') }} as secondary_reference,
        {{ clean_text('external_reference') }} as external_reference,
        {{ clean_text('fulfilment_location') }} as fulfilment_location,
        {{ clean_text('folders') }} as folders,
        {{ clean_text('currency') }} as currency,
        {{ clean_text('courier') }} as courier,
        {{ clean_text('postal_service') }} as postal_service,
        {{ clean_text('postal_service_code') }} as postal_service_code,
        {{ clean_text('tracking_number') }} as tracking_number,
        {{ clean_text('package_category') }} as package_category,
        {{ clean_text('package_type') }} as package_type,
        {{ clean_text('buyer_user_name') }} as buyer_user_name,
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('company') }} as company,
        {{ clean_text('email') }} as email,
        {{ clean_text('phone_number') }} as phone_number,
        {{ clean_text('tax_id') }} as tax_id,
        {{ clean_text('shipping_address') }} as shipping_address,
        {{ clean_text('address_1') }} as address_1,
        {{ clean_text('address_2') }} as address_2,
        {{ clean_text('address_3') }} as address_3,
        {{ clean_text('town') }} as town,
        {{ clean_text('region') }} as region,
        {{ clean_text('post_code') }} as post_code,
        {{ clean_text('country') }} as country,
        {{ clean_text('billing_address') }} as billing_address,
        {{ clean_text('billing_full_name') }} as billing_full_name,
        {{ clean_text('billing_company') }} as billing_company,
        {{ clean_text('billing_email') }} as billing_email,
        {{ clean_text('billing_phone_number') }} as billing_phone_number,
        {{ clean_text('billing_address_1') }} as billing_address_1,
        {{ clean_text('billing_address_2') }} as billing_address_2,
        {{ clean_text('billing_address_3') }} as billing_address_3,
        {{ clean_text('billing_town') }} as billing_town,
        {{ clean_text('billing_region') }} as billing_region,
        {{ clean_text('billing_post_code') }} as billing_post_code,
        {{ clean_text('billing_country') }} as billing_country,

        ---------- numerics
        order_number,
        status_code,
        days_to_process,
        subtotal,
        tax,
        postage_cost_ex_tax,
        total_discount,
        profit_margin,
        country_tax_rate,
        item_weight,
        total_weight,

        ---------- booleans
        is_cancelled,
        is_resend,
        is_exchange,

        ---------- dates and instants
        received_at,
        processed_at,
        paid_at,
        cancelled_at,

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
