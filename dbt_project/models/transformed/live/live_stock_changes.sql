-- An event is late when a load before its own had already seen, anywhere, what happened ten
-- minutes after it. A sensor's clock that runs ahead makes nobody late: no load has seen more
-- than had happened when it ran.

with

stock_events as (

    select * from {{ ref('stg_iot_devices__stock_events') }}

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
        stock_events.sku,
        stock_events.location,
        stock_events.event_at,
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

),

final as (

    select
        event_id,
        device_id,
        sku,
        location,
        event_at,
        window_start_at,
        quantity_in,
        quantity_out,
        quantity_in - quantity_out as quantity_change,
        is_late

    from events

)

select * from final
