with

changes as (

    select * from {{ ref('live_stock_changes') }}

),

windows as (

    select
        window_start_at,
        sku,
        location,
        sum(quantity_in) as quantity_in,
        sum(quantity_out) as quantity_out,
        count(*) as events,
        sum(case when is_late then 1 else 0 end) as late_events

    from changes
    group by
        window_start_at,
        sku,
        location

),

final as (

    select
        cast(window_start_at as timestamp) as window_start_at,
        cast(window_start_at + interval '5' minute as timestamp) as window_end_at,
        cast(sku as string) as sku,
        cast(location as string) as location,
        cast(quantity_in as bigint) as quantity_in,
        cast(quantity_out as bigint) as quantity_out,
        cast(quantity_in - quantity_out as bigint) as quantity_change,
        cast(events as bigint) as events,
        cast(late_events as bigint) as late_events

    from windows

)

select * from final
