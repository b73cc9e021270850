-- Who a customer is (name, e-mail, phone, address) stays in staging.

with

customers as (

    select * from {{ ref('stg_inventory_db__customers') }}

),

final as (

    select
        cast(customer_id as bigint) as customer_id,
        cast(city as string) as city,
        cast(country as string) as country,
        cast(loyalty_points as bigint) as loyalty_points,
        cast(email is not null as boolean) as has_email,
        cast(created_at as timestamp) as created_at,
        cast(updated_at as timestamp) as updated_at

    from customers

)

select * from final
