with

reorder_proposals as (

    select
        ---------- ids
        product_id,
        location_id,
        supplier_id,

        ---------- text
        decision,
        reason,

        ---------- numerics
        order_quantity,
        unit_cost,
        order_cost,
        position,
        days_of_cover,
        stock_out_risk,

        ---------- dates
        as_of_date,
        order_date,
        expected_arrival_date

    from {{ source('planning', 'reorder_proposals') }}

)

select * from reorder_proposals
