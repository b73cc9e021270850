with

web_activity as (

    select * from {{ ref('web_activity') }}

),

-- A source that never told of a purchase does not record them: there they are unknown, not none.
sources as (

    select
        source,
        max(case when event_type = 'purchase' then 1 else 0 end) = 1 as has_purchase_events

    from web_activity
    group by source

),

sessions as (

    select
        source,
        session_id,
        min(event_at) as started_at,
        min(visitor_key) as visitor_key,
        min(device) as device,
        min(visitor_channel) as visitor_channel,
        count(*) as event_count,
        max(case when event_type = 'view' then 1 else 0 end) = 1 as has_view,
        max(case when event_type = 'add_to_cart' then 1 else 0 end) = 1 as has_cart,
        max(case when event_type = 'checkout' then 1 else 0 end) = 1 as has_checkout,
        max(case when event_type = 'purchase' then 1 else 0 end) = 1 as has_purchase

    from web_activity
    group by
        source,
        session_id

),

final as (

    select
        sessions.session_id,
        sessions.source,
        sessions.visitor_key,
        sessions.started_at,
        cast(sessions.started_at as date) as session_date,
        coalesce(sessions.device, 'unknown') as device,
        coalesce(sessions.visitor_channel, 'unknown') as visitor_channel,
        sessions.event_count,
        sessions.has_view,
        sessions.has_cart,
        sessions.has_checkout,
        case when sources.has_purchase_events then sessions.has_purchase end as has_purchase,
        case
            when sessions.has_purchase then 4
            when sessions.has_checkout then 3
            when sessions.has_cart then 2
            when sessions.has_view then 1
            else 0
        end as reached_step

    from sessions
    inner join sources on sessions.source = sources.source

)

select * from final
