-- Only the changes that the database dates: that an order was placed, and that it was shipped. It
-- does not say since when an order is disputed, resolved, on hold or cancelled.

with

orders as (

    select * from {{ ref('stg_model_cars__orders') }}

),

final as (

    select
        'model_cars-' || cast(order_number as string) as order_id,
        'model_cars' as source,
        'open' as order_state,
        'placed' as source_status,
        cast(order_date as timestamp) as changed_at,
        _load_id as last_load_id

    from orders

    union all

    select
        'model_cars-' || cast(order_number as string) as order_id,
        'model_cars' as source,
        'despatched' as order_state,
        'Shipped' as source_status,
        cast(shipped_date as timestamp) as changed_at,
        _load_id as last_load_id

    from orders
    where shipped_date is not null

)

select * from final
