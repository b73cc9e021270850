-- An event is late when a load before its own had already seen, anywhere, what happened ten
-- minutes after it. A sensor's clock that runs ahead makes nobody late: no load has seen more
-- than had happened when it ran.

with

stock_events as (

    select * from {{ ref('stg_iot_devices__stock_events') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

loads as (

    select
        _load_id,
        least(max(event_at), max(_loaded_at)) as seen_until_at

    from stock_events
    group by _load_id

),

watermarks as (

    select
        _load_id,
        max(seen_until_at) over (
            order by _load_id asc nulls first
            rows between unbounded preceding and 1 preceding
        ) as watermark_at

    from loads

),

events as (

    select
        stock_events.event_id,
        stock_events.device_id,
        coalesce(product_keys.product_id, stock_events.sku) as product_id,
        coalesce(location_keys.location_id, 'iot_devices-' || stock_events.location) as location_id,
        stock_events.sku,
        stock_events.location,
        stock_events.event_at,
        {{ local_date('stock_events.event_at', 'locations.time_zone') }} as event_date,
        date_trunc('hour', stock_events.event_at)
            + cast(floor(extract(minute from stock_events.event_at) / 5) * 5 as int)
            * interval '1' minute as window_start_at,
        case when stock_events.event_type = 'Stock In' then stock_events.quantity else 0 end
            as quantity_in,
        case when stock_events.event_type = 'Stock Out' then stock_events.quantity else 0 end
            as quantity_out,
        coalesce(
            stock_events.event_at < watermarks.watermark_at - interval '10' minute, false
        ) as is_late

    from stock_events
    left join watermarks on stock_events._load_id = watermarks._load_id
    left join product_keys
        on product_keys.source = 'iot_devices'
        and stock_events.sku = product_keys.source_product_key
    left join location_keys
        on location_keys.source = 'iot_devices'
        and stock_events.location = location_keys.source_location_key
    left join locations on location_keys.location_id = locations.location_id

),

final as (

    select
        event_id,
        device_id,
        product_id,
        location_id,
        sku,
        location,
        event_at,
        event_date,
        window_start_at,
        quantity_in,
        quantity_out,
        quantity_in - quantity_out as quantity_change,
        is_late

    from events

)

select * from final
