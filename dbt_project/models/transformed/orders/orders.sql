-- What all sources say of orders, under the channel's shared name. A channel that no seed lists
-- keeps the name its source gives it.

{% set columns = [
    'order_id', 'source', 'source_order_number', 'source_channel', 'customer_id', 'location_id',
    'country', 'ordered_at', 'order_date', 'paid_at', 'despatched_at', 'delivered_at',
    'cancelled_at', 'despatch_by_at', 'order_state', 'is_sale', 'is_cancelled', 'is_resend',
    'is_returned', 'currency', 'conversion_rate', 'goods_amount', 'postage_amount',
    'discount_amount', 'tax_amount', 'total_amount', 'postage_cost_amount', 'last_load_id'
] %}

with

inventory_db_orders as (

    select * from {{ ref('orders__inventory_db') }}

),

linnworks_orders as (

    select * from {{ ref('orders__linnworks') }}

),

pos_api_orders as (

    select * from {{ ref('orders__pos_api') }}

),

shop_files_orders as (

    select * from {{ ref('orders__shop_files') }}

),

shop_events_orders as (

    select * from {{ ref('orders__shop_events') }}

),

northwind_orders as (

    select * from {{ ref('orders__northwind') }}

),

model_cars_orders as (

    select * from {{ ref('orders__model_cars') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

united as (

    select {{ columns | join(', ') }} from inventory_db_orders
    union all
    select {{ columns | join(', ') }} from linnworks_orders
    union all
    select {{ columns | join(', ') }} from pos_api_orders
    union all
    select {{ columns | join(', ') }} from shop_files_orders
    union all
    select {{ columns | join(', ') }} from shop_events_orders
    union all
    select {{ columns | join(', ') }} from northwind_orders
    union all
    select {{ columns | join(', ') }} from model_cars_orders

),

final as (

    select
        united.order_id,
        united.source,
        united.source_order_number,
        united.source_channel,
        coalesce(named.channel, others.channel, lower(united.source_channel)) as channel,
        coalesce(named.channel_type, others.channel_type, 'web') as channel_type,
        united.customer_id,
        united.location_id,
        united.country,
        united.ordered_at,
        united.order_date,
        united.paid_at,
        united.despatched_at,
        united.delivered_at,
        united.cancelled_at,
        united.despatch_by_at,
        united.order_state,
        united.is_sale and coalesce(named.is_counted, others.is_counted, true) as is_sale,
        united.is_cancelled,
        united.is_resend,
        united.is_returned,
        united.currency,
        united.conversion_rate,
        united.goods_amount,
        united.postage_amount,
        united.discount_amount,
        united.tax_amount,
        united.total_amount,
        united.postage_cost_amount,
        united.last_load_id

    from united
    left join sales_channels as named
        on united.source = named.source and united.source_channel = named.source_channel
    left join sales_channels as others
        on united.source = others.source and others.source_channel = '*'

)

select * from final
