{% set columns = [
    'return_id', 'source', 'source_channel', 'order_id', 'order_line_id', 'product_id',
    'customer_id', 'location_id', 'country', 'returned_at', 'return_date', 'refunded_at',
    'refund_date', 'return_type', 'quantity', 'refund_amount', 'refund_tax_amount', 'reason', 'last_load_id'
] %}

with

inventory_db_returns as (

    select * from {{ ref('returns__inventory_db') }}

),

linnworks_returns as (

    select * from {{ ref('returns__linnworks') }}

),

pos_api_returns as (

    select * from {{ ref('returns__pos_api') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

united as (

    select {{ columns | join(', ') }} from inventory_db_returns
    union all
    select {{ columns | join(', ') }} from linnworks_returns
    union all
    select {{ columns | join(', ') }} from pos_api_returns

),

final as (

    select
        united.return_id,
        united.source,
        coalesce(named.channel, others.channel, lower(united.source_channel)) as channel,
        coalesce(named.channel_type, others.channel_type, 'web') as channel_type,
        united.order_id,
        united.order_line_id,
        united.product_id,
        united.customer_id,
        united.location_id,
        united.country,
        united.returned_at,
        united.return_date,
        united.refunded_at,
        united.refund_date,
        united.return_type,
        united.quantity,
        united.refund_amount,
        united.refund_tax_amount,
        united.reason,
        united.last_load_id

    from united
    left join sales_channels as named
        on united.source = named.source and united.source_channel = named.source_channel
    left join sales_channels as others
        on united.source = others.source and others.source_channel = '*'

)

select * from final
