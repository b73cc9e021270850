with

changes as (

    select * from {{ ref('live_stock_changes') }}

),

stock as (

    select
        sku,
        location,
        sum(quantity_change) as quantity_on_hand,
        count(*) as events,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at

    from changes
    group by
        sku,
        location

),

final as (

    select
        cast(sku as string) as sku,
        cast(location as string) as location,
        cast(quantity_on_hand as bigint) as quantity_on_hand,
        cast(events as bigint) as events,
        cast(first_event_at as timestamp) as first_event_at,
        cast(last_event_at as timestamp) as last_event_at

    from stock

)

select * from final
