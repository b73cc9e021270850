-- A movement can only be loaded after it happened. One wild date moves the end of the calendar and
-- with it the number of days that every product is given stock for, so it should be noticed before
-- the tables grow. Wrong dates are the source's, so this warns.

{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_inventory_db__sales_transactions'}}}) }}

with

dated as (

    select
        'sales_transactions' as source_table,
        cast(transaction_id as string) as source_id,
        transaction_date as happened_at,
        _loaded_at

    from {{ ref('stg_inventory_db__sales_transactions') }}

    union all

    select
        'ecommerce_orders' as source_table,
        cast(order_id as string) as source_id,
        order_date as happened_at,
        _loaded_at

    from {{ ref('stg_inventory_db__ecommerce_orders') }}

    union all

    select
        'inventory_logs' as source_table,
        cast(log_id as string) as source_id,
        action_date as happened_at,
        _loaded_at

    from {{ ref('stg_inventory_db__inventory_logs') }}

    union all

    select
        'stock_adjustments' as source_table,
        cast(adjustment_id as string) as source_id,
        adjustment_date as happened_at,
        _loaded_at

    from {{ ref('stg_inventory_db__stock_adjustments') }}

    union all

    select
        'payments' as source_table,
        cast(payment_id as string) as source_id,
        payment_date as happened_at,
        _loaded_at

    from {{ ref('stg_inventory_db__payments') }}

)

select *
from dated
where {{ days_between('_loaded_at', 'happened_at') }} > 1
