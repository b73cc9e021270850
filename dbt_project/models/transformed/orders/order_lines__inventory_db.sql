with

transactions as (

    select * from {{ ref('stg_inventory_db__sales_transactions') }}

),

ecommerce_orders as (

    select * from {{ ref('stg_inventory_db__ecommerce_orders') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

inventory_products as (

    select * from {{ ref('inventory_products') }}

),

sales_channels as (

    select * from {{ ref('sales_channels') }}

),

documents as (

    select
        'inventory_db-pos-' || cast(transaction_id as string) as order_id,
        'till' as source_channel,
        product_id,
        quantity_sold as quantity,
        true as has_left,
        total_price,
        _load_id

    from transactions

    union all

    select
        'inventory_db-web-' || cast(ecommerce_orders.order_id as string) as order_id,
        ecommerce_orders.platform as source_channel,
        ecommerce_orders.product_id,
        ecommerce_orders.quantity_ordered as quantity,
        order_statuses.order_state in ('despatched', 'delivered', 'returned') as has_left,
        ecommerce_orders.total_price,
        ecommerce_orders._load_id

    from ecommerce_orders
    left join order_statuses on ecommerce_orders.order_status = order_statuses.status

),

final as (

    select
        documents.order_id || '-1' as order_line_id,
        documents.order_id,
        'inventory_db' as source,
        cast(1 as bigint) as line_number,
        coalesce(
            inventory_products.product_id, 'inventory_db-' || cast(documents.product_id as string)
        ) as product_id,
        cast(null as string) as kit_product_id,
        cast(null as string) as kit_line_id,
        cast(null as bigint) as kit_quantity,
        documents.quantity,
        case when documents.has_left then documents.quantity else 0 end as despatched_quantity,
        cast(documents.total_price * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as gross_amount,
        cast(null as decimal(18, 4)) as tax_amount,
        cast(documents.total_price * coalesce(sales_channels.conversion_rate, 1) as decimal(18, 4))
            as net_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(null as decimal(18, 6)) as unit_cost,
        false as is_service,
        documents._load_id as last_load_id

    from documents
    left join inventory_products on documents.product_id = inventory_products.source_product_id
    left join sales_channels
        on sales_channels.source = 'inventory_db'
        and documents.source_channel = sales_channels.source_channel

)

select * from final
