with

supplier_terms_history as (

    select * from {{ ref('supplier_terms_history') }}

),

final as (

    select
        product_id,
        supplier_id,
        source,
        is_preferred,
        lead_time_days,
        unit_cost,
        min_order_quantity,
        pack_size,
        valid_from_date,
        last_load_id

    from supplier_terms_history
    where is_current

)

select * from final
