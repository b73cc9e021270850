-- Freight is charged on top of the goods. The database says days only: they are the warehouse's
-- own, and their instants are the days' midnights, UTC.

with

orders as (

    select * from {{ ref('stg_northwind__orders') }}

),

order_lines as (

    select * from {{ ref('order_lines__northwind') }}

),

customer_keys as (

    select * from {{ ref('customer_keys') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

line_totals as (

    select
        order_id,
        sum(gross_amount) as goods_amount,
        sum(discount_amount) as discount_amount,
        max(last_load_id) as last_load_id

    from order_lines
    group by order_id

),

identified as (

    select
        *,
        'northwind-' || cast(order_id as string) as shared_order_id

    from orders

),

final as (

    select
        identified.shared_order_id as order_id,
        'northwind' as source,
        cast(identified.order_id as string) as source_order_number,
        '*' as source_channel,
        coalesce(customer_keys.customer_id, 'northwind-' || identified.customer_id) as customer_id,
        sales_channels.ships_from_location_id as location_id,
        identified.ship_country as country,
        cast(identified.order_date as timestamp) as ordered_at,
        identified.order_date,
        cast(null as timestamp) as paid_at,
        cast(identified.shipped_date as timestamp) as despatched_at,
        cast(null as timestamp) as delivered_at,
        cast(null as timestamp) as cancelled_at,
        cast(identified.required_date as timestamp) as despatch_by_at,
        case when identified.shipped_date is not null then 'despatched' else 'open' end
            as order_state,
        true as is_sale,
        false as is_cancelled,
        false as is_resend,
        false as is_returned,
        sales_channels.currency,
        coalesce(sales_channels.conversion_rate, 1) as conversion_rate,
        cast(coalesce(line_totals.goods_amount, 0) as decimal(18, 4)) as goods_amount,
        cast(identified.freight * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as postage_amount,
        cast(coalesce(line_totals.discount_amount, 0) as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(
            coalesce(line_totals.goods_amount, 0)
            + cast(
                identified.freight * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4)
            ) as decimal(18, 4)
        ) as total_amount,
        cast(null as decimal(18, 4)) as postage_cost_amount,
        greatest(identified._load_id, coalesce(line_totals.last_load_id, identified._load_id))
            as last_load_id

    from identified
    left join line_totals on identified.shared_order_id = line_totals.order_id
    left join customer_keys
        on customer_keys.source = 'northwind'
        and identified.customer_id = customer_keys.source_customer_key
    left join sales_channels
        on sales_channels.source = 'northwind' and sales_channels.source_channel = '*'

)

select * from final
