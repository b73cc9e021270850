-- Linnworks keeps no history of an order; its instants are one. What was cancelled when it was
-- processed was never sent.

with

orders as (

    select * from {{ ref('orders__linnworks') }}

),

searched as (

    select * from {{ ref('stg_linnworks__processed_orders') }}

),

returns as (

    select * from {{ ref('stg_linnworks__returns_refunds') }}

),

first_returns as (

    select
        'linnworks-' || order_id as order_id,
        min(coalesce(returned_at, booked_at)) as returned_at,
        max(_load_id) as last_load_id

    from returns
    where return_id <> 0
    group by order_id

),

changes as (

    select
        order_id,
        'open' as order_state,
        'received' as source_status,
        ordered_at as changed_at,
        last_load_id

    from orders

    union all

    select
        order_id,
        'open' as order_state,
        'paid' as source_status,
        paid_at as changed_at,
        last_load_id

    from orders

    union all

    select
        orders.order_id,
        'despatched' as order_state,
        'processed' as source_status,
        searched.processed_at as changed_at,
        orders.last_load_id

    from orders
    inner join searched on orders.order_id = 'linnworks-' || searched.order_id
    where not orders.is_cancelled or searched.processed_at < orders.cancelled_at

    union all

    select
        order_id,
        'cancelled' as order_state,
        'cancelled' as source_status,
        cancelled_at as changed_at,
        last_load_id

    from orders
    where is_cancelled

    union all

    select
        orders.order_id,
        'returned' as order_state,
        'returned' as source_status,
        first_returns.returned_at as changed_at,
        greatest(orders.last_load_id, first_returns.last_load_id) as last_load_id

    from orders
    inner join first_returns on orders.order_id = first_returns.order_id
    where orders.is_returned

),

final as (

    select
        order_id,
        'linnworks' as source,
        order_state,
        source_status,
        changed_at,
        last_load_id

    from changes
    where changed_at is not null

)

select * from final
