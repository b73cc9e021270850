-- Who a customer is (name, e-mail, phone, address) stays in staging.

with

customer_keys as (

    select * from {{ ref('customer_keys') }}

),

inventory_customers as (

    select * from {{ ref('stg_inventory_db__customers') }}

),

northwind_customers as (

    select * from {{ ref('stg_northwind__customers') }}

),

model_cars_customers as (

    select * from {{ ref('stg_model_cars__customers') }}

),

described as (

    select
        'inventory_db' as source,
        cast(customer_id as string) as source_customer_key,
        city,
        country,
        loyalty_points,
        email is not null as has_email,
        created_at

    from inventory_customers

    union all

    select
        'northwind' as source,
        customer_id as source_customer_key,
        city,
        country,
        cast(null as bigint) as loyalty_points,
        false as has_email,
        cast(null as timestamp) as created_at

    from northwind_customers

    union all

    select
        'model_cars' as source,
        cast(customer_number as string) as source_customer_key,
        city,
        country,
        cast(null as bigint) as loyalty_points,
        false as has_email,
        cast(null as timestamp) as created_at

    from model_cars_customers

),

final as (

    select
        cast(customer_keys.customer_id as string) as customer_id,
        cast(min(customer_keys.source) as string) as source,
        cast(min(described.city) as string) as city,
        cast(min(described.country) as string) as country,
        cast(sum(described.loyalty_points) as bigint) as loyalty_points,
        cast(coalesce(max(described.has_email), false) as boolean) as has_email,
        cast(min(described.created_at) as timestamp) as created_at

    from customer_keys
    left join described
        on customer_keys.source = described.source
        and customer_keys.source_customer_key = described.source_customer_key
    group by customer_keys.customer_id

)

select * from final
