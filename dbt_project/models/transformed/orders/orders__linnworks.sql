-- The order search and the order details each know something the other does not; an order is here
-- once both have told of it, and what is missing on either side is a test's business. An order
-- that was open and is processed by now counts once, as processed.

with

searched as (

    select * from {{ ref('stg_linnworks__processed_orders') }}

),

details as (

    select * from {{ ref('stg_linnworks__processed_order_details') }}

),

open_orders as (

    select * from {{ ref('stg_linnworks__open_orders') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

merged as (

    select
        details.order_id,
        coalesce(searched.order_number, details.order_number) as order_number,
        coalesce(searched.channel, details.channel) as source_channel,
        details.fulfilment_location_id,
        coalesce(details.country, searched.country) as country,
        coalesce(searched.received_at, details.received_at) as received_at,
        coalesce(searched.paid_at, details.paid_at) as paid_at,
        coalesce(searched.processed_at, details.processed_at) as processed_at,
        searched.cancelled_at,
        coalesce(details.scheduled_delivery_to, details.despatch_by_at) as despatch_by_at,
        true as is_processed,
        coalesce(searched.is_cancelled, details.is_cancelled, false) as is_cancelled,
        coalesce(searched.is_resend, false) or coalesce(details.status_code = 4, false)
            as is_resend,
        coalesce(details.status_code = 2, false) as is_returned,
        details.currency,
        details.conversion_rate,
        details.total_charge,
        details.postage_cost,
        details.total_discount,
        details.tax,
        greatest(details._load_id, searched._load_id) as last_load_id

    from details
    inner join searched on details.order_id = searched.order_id

    union all

    select
        open_orders.order_id,
        open_orders.order_number,
        open_orders.channel as source_channel,
        open_orders.fulfilment_location_id,
        open_orders.country,
        open_orders.received_at,
        open_orders.paid_at,
        cast(null as timestamp) as processed_at,
        cast(null as timestamp) as cancelled_at,
        coalesce(open_orders.scheduled_delivery_to, open_orders.despatch_by_at) as despatch_by_at,
        false as is_processed,
        false as is_cancelled,
        coalesce(open_orders.status_code = 4, false) as is_resend,
        coalesce(open_orders.status_code = 2, false) as is_returned,
        open_orders.currency,
        open_orders.conversion_rate,
        open_orders.total_charge,
        open_orders.postage_cost,
        open_orders.total_discount,
        open_orders.tax,
        open_orders._load_id as last_load_id

    from open_orders
    left join details on open_orders.order_id = details.order_id
    where details.order_id is null

),

converted as (

    select
        order_id,
        order_number,
        source_channel,
        fulfilment_location_id,
        country,
        received_at,
        paid_at,
        processed_at,
        cancelled_at,
        despatch_by_at,
        is_processed,
        is_cancelled,
        is_resend,
        is_returned,
        currency,
        conversion_rate,
        {{ in_base_currency('total_charge', 'conversion_rate') }} as total_amount,
        {{ in_base_currency('coalesce(postage_cost, 0)', 'conversion_rate') }} as postage_amount,
        {{ in_base_currency('coalesce(total_discount, 0)', 'conversion_rate') }}
            as discount_amount,
        {{ in_base_currency('tax', 'conversion_rate') }} as tax_amount,
        last_load_id

    from merged

),

final as (

    select
        'linnworks-' || converted.order_id as order_id,
        'linnworks' as source,
        cast(converted.order_number as string) as source_order_number,
        converted.source_channel,
        cast(null as string) as customer_id,
        coalesce(
            location_keys.location_id,
            'linnworks-' || converted.fulfilment_location_id
        ) as location_id,
        converted.country,
        converted.received_at as ordered_at,
        {{ local_date('converted.received_at', 'locations.time_zone') }} as order_date,
        converted.paid_at,
        case when not converted.is_cancelled then converted.processed_at end as despatched_at,
        cast(null as timestamp) as delivered_at,
        converted.cancelled_at,
        converted.despatch_by_at,
        case
            when converted.is_cancelled then 'cancelled'
            when converted.is_returned then 'returned'
            when converted.is_processed then 'despatched'
            else 'open'
        end as order_state,
        not converted.is_cancelled as is_sale,
        converted.is_cancelled,
        converted.is_resend,
        converted.is_returned,
        converted.currency,
        converted.conversion_rate,
        cast(converted.total_amount - converted.postage_amount as decimal(18, 4)) as goods_amount,
        converted.postage_amount,
        converted.discount_amount,
        converted.tax_amount,
        converted.total_amount,
        cast(null as decimal(18, 4)) as postage_cost_amount,
        converted.last_load_id

    from converted
    left join location_keys
        on location_keys.source = 'linnworks'
        and converted.fulfilment_location_id = location_keys.source_location_key
    left join locations on location_keys.location_id = locations.location_id

)

select * from final
