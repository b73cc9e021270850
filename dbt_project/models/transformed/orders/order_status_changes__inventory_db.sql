-- The old database keeps only the present status; each version that was loaded is one change. The
-- first known version also says when the order was placed.

with

order_versions as (

    select * from {{ ref('stg_inventory_db__ecommerce_order_versions') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

final as (

    select
        'inventory_db-web-' || cast(order_versions.order_id as string) as order_id,
        'inventory_db' as source,
        coalesce(order_statuses.order_state, 'open') as order_state,
        order_versions.order_status as source_status,
        order_versions.updated_at as changed_at,
        max(order_versions._load_id) as last_load_id

    from order_versions
    left join order_statuses on order_versions.order_status = order_statuses.status
    group by
        order_versions.order_id,
        order_statuses.order_state,
        order_versions.order_status,
        order_versions.updated_at

    union all

    select
        'inventory_db-web-' || cast(order_id as string) as order_id,
        'inventory_db' as source,
        'open' as order_state,
        'placed' as source_status,
        min(order_date) as changed_at,
        min(_load_id) as last_load_id

    from order_versions
    group by order_id

)

select * from final
