with

supplier_terms_history as (

    select * from {{ ref('supplier_terms_history') }}

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(supplier_id as string) as supplier_id,
        cast(valid_from_date as date) as valid_from_date,
        cast(valid_to_date as date) as valid_to_date,
        cast(is_current as boolean) as is_current,
        cast(is_preferred as boolean) as is_preferred,
        cast(source as string) as source,
        cast(lead_time_days as bigint) as lead_time_days,
        cast(unit_cost as decimal(18, 6)) as unit_cost,
        cast(min_order_quantity as bigint) as min_order_quantity,
        cast(pack_size as bigint) as pack_size,
        cast(last_load_id as string) as last_load_id

    from supplier_terms_history

)

select * from final
