-- An order of the web shop is what its events say: placed, paid, shipped, cancelled.

with

order_events as (

    select * from {{ ref('stg_shop_events__order_events') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

orders as (

    select
        order_number,
        min(case when event_type = 'placed' then event_at end) as placed_at,
        min(case when event_type = 'paid' then event_at end) as paid_at,
        min(case when event_type = 'shipped' then event_at end) as despatched_at,
        min(case when event_type = 'cancelled' then event_at end) as cancelled_at,
        min(event_at) as first_event_at,
        max(total_amount) as total_amount,
        max(_load_id) as last_load_id

    from order_events
    group by order_number

),

final as (

    select
        'shop_events-' || orders.order_number as order_id,
        'shop_events' as source,
        orders.order_number as source_order_number,
        '*' as source_channel,
        cast(null as string) as customer_id,
        sales_channels.ships_from_location_id as location_id,
        cast(null as string) as country,
        coalesce(orders.placed_at, orders.first_event_at) as ordered_at,
        cast(coalesce(orders.placed_at, orders.first_event_at) as date) as order_date,
        orders.paid_at,
        orders.despatched_at,
        cast(null as timestamp) as delivered_at,
        orders.cancelled_at,
        cast(null as timestamp) as despatch_by_at,
        case
            when orders.cancelled_at is not null then 'cancelled'
            when orders.despatched_at is not null then 'despatched'
            else 'open'
        end as order_state,
        orders.cancelled_at is null as is_sale,
        orders.cancelled_at is not null as is_cancelled,
        false as is_resend,
        false as is_returned,
        sales_channels.currency,
        coalesce(sales_channels.conversion_rate, 1) as conversion_rate,
        cast(orders.total_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as goods_amount,
        cast(0 as decimal(18, 4)) as postage_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(orders.total_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as total_amount,
        cast(null as decimal(18, 4)) as postage_cost_amount,
        orders.last_load_id

    from orders
    left join sales_channels
        on sales_channels.source = 'shop_events' and sales_channels.source_channel = '*'

)

select * from final
