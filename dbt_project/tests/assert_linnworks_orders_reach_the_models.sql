-- Staging and the common model tell of the same orders and the same money: converging what is
-- processed with what is open neither loses an order nor counts one twice.

{{ config(meta={'dagster': {'ref': {'name': 'orders__linnworks'}}}) }}

with

processed_orders as (

    select * from {{ ref('stg_linnworks__processed_orders') }}

),

details as (

    select * from {{ ref('stg_linnworks__processed_order_details') }}

),

open_orders as (

    select * from {{ ref('stg_linnworks__open_orders') }}

),

orders as (

    select * from {{ ref('orders__linnworks') }}

),

staged as (

    select
        'linnworks-' || processed_orders.order_id as order_id,
        cast(processed_orders.total_charge as double) * details.conversion_rate as total_amount

    from processed_orders
    left join details on processed_orders.order_id = details.order_id

    union all

    select
        'linnworks-' || open_orders.order_id as order_id,
        cast(open_orders.total_charge as double) * open_orders.conversion_rate as total_amount

    from open_orders
    left join processed_orders on open_orders.order_id = processed_orders.order_id
    where processed_orders.order_id is null

)

select
    coalesce(staged.order_id, orders.order_id) as order_id,
    staged.total_amount as staged_amount,
    orders.total_amount

from staged
full outer join orders on staged.order_id = orders.order_id
where staged.order_id is null
    or orders.order_id is null
    or abs(coalesce(staged.total_amount, 0) - coalesce(orders.total_amount, 0)) > 0.005
