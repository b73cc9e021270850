-- A receipt that was paid back is a return, not an order.

with

receipts as (

    select * from {{ ref('stg_pos_api__receipts') }}

),

receipt_lines as (

    select * from {{ ref('stg_pos_api__receipt_lines') }}

),

customer_keys as (

    select * from {{ ref('customer_keys') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

totals as (

    select
        receipt_id,
        sum(cast(quantity * unit_price - discount as decimal(18, 4))) as goods_amount,
        sum(discount) as discount_amount,
        sum(cast((quantity * unit_price - discount) * tax_rate / (1 + tax_rate) as decimal(18, 4)))
            as tax_amount,
        max(_load_id) as last_load_id

    from receipt_lines
    group by receipt_id

),

final as (

    select
        'pos_api-' || receipts.receipt_id as order_id,
        'pos_api' as source,
        receipts.receipt_id as source_order_number,
        '*' as source_channel,
        case
            when receipts.loyalty_card is not null then coalesce(
                customer_keys.customer_id,
                'pos_api-' || {{ surrogate_key(['receipts.loyalty_card']) }}
            )
        end as customer_id,
        coalesce(location_keys.location_id, 'pos_api-' || receipts.store_code) as location_id,
        locations.country,
        receipts.sold_at as ordered_at,
        {{ local_date('receipts.sold_at', 'locations.time_zone') }} as order_date,
        case when receipts.status = 'completed' then receipts.sold_at end as paid_at,
        case when receipts.status = 'completed' then receipts.sold_at end as despatched_at,
        case when receipts.status = 'completed' then receipts.sold_at end as delivered_at,
        case when receipts.status = 'voided' then receipts.updated_at end as cancelled_at,
        cast(null as timestamp) as despatch_by_at,
        case receipts.status
            when 'completed' then 'delivered'
            when 'voided' then 'cancelled'
            else 'open'
        end as order_state,
        receipts.status = 'completed' as is_sale,
        receipts.status = 'voided' as is_cancelled,
        false as is_resend,
        false as is_returned,
        receipts.currency,
        coalesce(sales_channels.conversion_rate, 1) as conversion_rate,
        cast(coalesce(totals.goods_amount, 0) * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as goods_amount,
        cast(0 as decimal(18, 4)) as postage_amount,
        cast(coalesce(totals.discount_amount, 0) * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as discount_amount,
        cast(totals.tax_amount * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as tax_amount,
        cast(receipts.total * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as total_amount,
        cast(0 as decimal(18, 4)) as postage_cost_amount,
        greatest(receipts._load_id, coalesce(totals.last_load_id, receipts._load_id)) as last_load_id

    from receipts
    left join totals on receipts.receipt_id = totals.receipt_id
    left join customer_keys
        on customer_keys.source = 'pos_api'
        and {{ surrogate_key(['receipts.loyalty_card']) }} = customer_keys.source_customer_key
    left join location_keys
        on location_keys.source = 'pos_api'
        and receipts.store_code = location_keys.source_location_key
    left join locations on location_keys.location_id = locations.location_id
    left join sales_channels
        on sales_channels.source = 'pos_api' and sales_channels.source_channel = '*'
    where coalesce(receipts.status, '') <> 'returned'

)

select * from final
