with

file_activity as (

    select * from {{ ref('stg_shop_files__user_activity') }}

),

stream_activity as (

    select * from {{ ref('stg_shop_events__activity') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

-- The file says cart for what the stream calls add_to_cart.
steps as (

    select
        'shop_files' as source,
        cast(event_id as string) as source_event_id,
        cast(session_id as string) as source_session_id,
        visitor_id as source_visitor_id,
        happened_at as event_at,
        case when lower(event) = 'cart' then 'add_to_cart' else lower(event) end as event_type,
        device,
        cast(null as string) as visitor_channel,
        sku,
        _load_id as last_load_id

    from file_activity

    union all

    select
        'shop_events' as source,
        cast(event_id as string) as source_event_id,
        session_id as source_session_id,
        cast(null as string) as source_visitor_id,
        event_at,
        lower(event_type) as event_type,
        cast(null as string) as device,
        channel as visitor_channel,
        sku,
        _load_id as last_load_id

    from stream_activity

),

final as (

    select
        steps.source || '-' || steps.source_event_id as web_event_id,
        steps.source,
        steps.source || '-' || steps.source_session_id as session_id,
        -- Tells visitors apart without saying who they are.
        case
            when steps.source_visitor_id is not null
                then {{ surrogate_key(['steps.source', 'steps.source_visitor_id']) }}
        end as visitor_key,
        steps.event_at,
        steps.event_type,
        steps.device,
        steps.visitor_channel,
        coalesce(product_keys.product_id, steps.sku) as product_id,
        steps.last_load_id

    from steps
    left join product_keys
        on steps.source = product_keys.source
        and steps.sku = product_keys.source_product_key

)

select * from final
