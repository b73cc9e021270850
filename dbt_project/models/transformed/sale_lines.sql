with

transactions as (

    select * from {{ ref('stg_inventory_db__sales_transactions') }}

),

orders as (

    select * from {{ ref('stg_inventory_db__ecommerce_orders') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

till as (

    select
        'pos-' || cast(transaction_id as string) as sale_id,
        'pos' as channel,
        product_id,
        customer_id,
        transaction_date as sold_at,
        quantity_sold as quantity,
        total_price as gross_amount,
        false as is_returned

    from transactions

),

web as (

    select
        'web-' || cast(orders.order_id as string) as sale_id,
        coalesce(lower(orders.platform), 'unknown') as channel,
        orders.product_id,
        orders.customer_id,
        orders.order_date as sold_at,
        orders.quantity_ordered as quantity,
        orders.total_price as gross_amount,
        order_statuses.returns_stock as is_returned

    from orders
    inner join order_statuses on orders.order_status = order_statuses.status
    where order_statuses.is_sale

),

final as (

    select * from till
    union all
    select * from web

)

select * from final
