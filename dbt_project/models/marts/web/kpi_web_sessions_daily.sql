with

sessions as (

    select * from {{ ref('web_sessions') }}

),

totals as (

    select
        session_date,
        source,
        device,
        visitor_channel,
        count(*) as session_count,
        count(distinct visitor_key) as visitor_count,
        count(visitor_key) as known_visitor_session_count,
        sum(event_count) as event_count,
        sum(case when event_count = 1 then 1 else 0 end) as bounced_session_count,
        sum(case when has_view then 1 else 0 end) as view_session_count,
        sum(case when has_cart then 1 else 0 end) as cart_session_count,
        sum(case when has_checkout then 1 else 0 end) as checkout_session_count,
        sum(case when has_purchase then 1 when not has_purchase then 0 end)
            as purchase_session_count

    from sessions
    group by
        session_date,
        source,
        device,
        visitor_channel

),

final as (

    select
        cast(session_date as date) as session_date,
        cast(source as string) as source,
        cast(device as string) as device,
        cast(visitor_channel as string) as visitor_channel,
        cast(session_count as bigint) as session_count,
        cast(case when known_visitor_session_count > 0 then visitor_count end as bigint)
            as visitor_count,
        cast(event_count as bigint) as event_count,
        cast(cast(event_count as double) / nullif(session_count, 0) as double)
            as events_per_session,
        cast(bounced_session_count as bigint) as bounced_session_count,
        cast(cast(bounced_session_count as double) / nullif(session_count, 0) as double)
            as bounce_rate,
        cast(view_session_count as bigint) as view_session_count,
        cast(cart_session_count as bigint) as cart_session_count,
        cast(checkout_session_count as bigint) as checkout_session_count,
        cast(purchase_session_count as bigint) as purchase_session_count,
        cast(cast(purchase_session_count as double) / nullif(session_count, 0) as double)
            as purchase_rate

    from totals

)

select * from final
