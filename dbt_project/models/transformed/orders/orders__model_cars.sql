-- An order whose dispute is open or settled was shipped and stays a sale until it is cancelled;
-- one on hold waits for the customer's money. Goods come from several warehouses, so none serves
-- the order. The database says days only: they are the warehouses' own, and their instants are the
-- days' midnights, UTC. It does not say when an order was cancelled.

with

orders as (

    select * from {{ ref('stg_model_cars__orders') }}

),

order_lines as (

    select * from {{ ref('order_lines__model_cars') }}

),

customers as (

    select * from {{ ref('stg_model_cars__customers') }}

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
        max(last_load_id) as last_load_id

    from order_lines
    group by order_id

),

identified as (

    select
        *,
        'model_cars-' || cast(order_number as string) as order_id

    from orders

),

final as (

    select
        identified.order_id,
        'model_cars' as source,
        cast(identified.order_number as string) as source_order_number,
        '*' as source_channel,
        coalesce(
            customer_keys.customer_id, 'model_cars-' || cast(identified.customer_number as string)
        ) as customer_id,
        sales_channels.ships_from_location_id as location_id,
        customers.country,
        cast(identified.order_date as timestamp) as ordered_at,
        identified.order_date,
        cast(null as timestamp) as paid_at,
        cast(identified.shipped_date as timestamp) as despatched_at,
        cast(null as timestamp) as delivered_at,
        cast(null as timestamp) as cancelled_at,
        cast(identified.required_date as timestamp) as despatch_by_at,
        case
            when identified.status = 'Cancelled' then 'cancelled'
            when identified.status in ('Shipped', 'Disputed', 'Resolved') then 'despatched'
            else 'open'
        end as order_state,
        identified.status in ('Shipped', 'Disputed', 'Resolved', 'In Process', 'On Hold') as is_sale,
        identified.status = 'Cancelled' as is_cancelled,
        false as is_resend,
        false as is_returned,
        sales_channels.currency,
        coalesce(sales_channels.conversion_rate, 1) as conversion_rate,
        cast(coalesce(line_totals.goods_amount, 0) as decimal(18, 4)) as goods_amount,
        cast(0 as decimal(18, 4)) as postage_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(coalesce(line_totals.goods_amount, 0) as decimal(18, 4)) as total_amount,
        cast(null as decimal(18, 4)) as postage_cost_amount,
        greatest(identified._load_id, coalesce(line_totals.last_load_id, identified._load_id))
            as last_load_id

    from identified
    left join line_totals on identified.order_id = line_totals.order_id
    left join customers on identified.customer_number = customers.customer_number
    left join customer_keys
        on customer_keys.source = 'model_cars'
        and cast(identified.customer_number as string) = customer_keys.source_customer_key
    left join sales_channels
        on sales_channels.source = 'model_cars' and sales_channels.source_channel = '*'

)

select * from final
