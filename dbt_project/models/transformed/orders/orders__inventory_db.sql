-- Each row of the till is an order that was taken away at once; each e-commerce order is for one
-- product. The old database states neither tax nor postage.

with

transactions as (

    select * from {{ ref('stg_inventory_db__sales_transactions') }}

),

ecommerce_orders as (

    select * from {{ ref('stg_inventory_db__ecommerce_orders') }}

),

customers as (

    select * from {{ ref('stg_inventory_db__customers') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

order_payments as (

    select * from {{ ref('order_payments') }}

),

inventory_products as (

    select * from {{ ref('inventory_products') }}

),

customer_keys as (

    select * from {{ ref('customer_keys') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

documents as (

    select
        'inventory_db-pos-' || cast(transaction_id as string) as order_id,
        'pos-' || cast(transaction_id as string) as source_order_number,
        'till' as source_channel,
        product_id,
        customer_id,
        transaction_date as ordered_at,
        transaction_date as handed_over_at,
        transaction_date as paid_at,
        cast(null as timestamp) as cancelled_at,
        'delivered' as order_state,
        true as is_sale,
        total_price,
        _load_id

    from transactions

    union all

    select
        'inventory_db-web-' || cast(ecommerce_orders.order_id as string) as order_id,
        'web-' || cast(ecommerce_orders.order_id as string) as source_order_number,
        coalesce(ecommerce_orders.platform, 'unknown') as source_channel,
        ecommerce_orders.product_id,
        ecommerce_orders.customer_id,
        ecommerce_orders.order_date as ordered_at,
        cast(null as timestamp) as handed_over_at,
        order_payments.first_paid_at as paid_at,
        case
            when order_statuses.order_state = 'cancelled' then ecommerce_orders.updated_at
        end as cancelled_at,
        coalesce(order_statuses.order_state, 'open') as order_state,
        coalesce(order_statuses.is_sale, false) as is_sale,
        ecommerce_orders.total_price,
        greatest(
            ecommerce_orders._load_id, coalesce(order_payments.last_load_id, ecommerce_orders._load_id)
        ) as _load_id

    from ecommerce_orders
    left join order_statuses on ecommerce_orders.order_status = order_statuses.status
    left join order_payments on ecommerce_orders.order_id = order_payments.order_id

),

final as (

    select
        documents.order_id,
        'inventory_db' as source,
        documents.source_order_number,
        documents.source_channel,
        coalesce(
            customer_keys.customer_id, 'inventory_db-' || cast(documents.customer_id as string)
        ) as customer_id,
        coalesce(inventory_products.location_id, 'NTH') as location_id,
        -- What was sold at the till stays in the country of the till.
        case
            when documents.source_channel = 'till' then inventory_products.country
            else customers.country
        end as country,
        documents.ordered_at,
        {{ local_date('documents.ordered_at', 'inventory_products.time_zone') }} as order_date,
        documents.paid_at,
        documents.handed_over_at as despatched_at,
        documents.handed_over_at as delivered_at,
        documents.cancelled_at,
        cast(null as timestamp) as despatch_by_at,
        documents.order_state,
        documents.is_sale,
        documents.order_state = 'cancelled' as is_cancelled,
        false as is_resend,
        documents.order_state = 'returned' as is_returned,
        sales_channels.currency,
        coalesce(sales_channels.conversion_rate, 1) as conversion_rate,
        cast(documents.total_price * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as goods_amount,
        cast(0 as decimal(18, 4)) as postage_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(documents.total_price * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as total_amount,
        cast(null as decimal(18, 4)) as postage_cost_amount,
        documents._load_id as last_load_id

    from documents
    left join inventory_products on documents.product_id = inventory_products.source_product_id
    left join customers on documents.customer_id = customers.customer_id
    left join customer_keys
        on customer_keys.source = 'inventory_db'
        and cast(documents.customer_id as string) = customer_keys.source_customer_key
    left join sales_channels
        on sales_channels.source = 'inventory_db'
        and documents.source_channel = sales_channels.source_channel

)

select * from final
