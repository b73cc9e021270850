with

order_events as (

    select * from {{ ref('stg_shop_events__order_events') }}

),

final as (

    select
        'shop_events-' || order_number as order_id,
        'shop_events' as source,
        case event_type
            when 'shipped' then 'despatched'
            when 'cancelled' then 'cancelled'
            else 'open'
        end as order_state,
        event_type as source_status,
        event_at as changed_at,
        max(_load_id) as last_load_id

    from order_events
    group by
        order_number,
        event_type,
        event_at

)

select * from final
