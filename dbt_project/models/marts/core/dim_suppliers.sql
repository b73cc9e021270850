with

suppliers as (

    select * from {{ ref('stg_inventory_db__suppliers') }}

),

final as (

    select
        cast(supplier_id as bigint) as supplier_id,
        cast(supplier_name as string) as supplier_name,
        cast(city as string) as city,
        cast(country as string) as country,
        cast(created_at as timestamp) as created_at,
        cast(updated_at as timestamp) as updated_at

    from suppliers

)

select * from final
