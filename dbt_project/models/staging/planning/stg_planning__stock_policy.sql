with

stock_policy as (

    select
        ---------- ids
        product_id,
        location_id,
        supplier_id,

        ---------- text
        demand_class,
        abc_class,
        xyz_class,
        method,
        basis,

        ---------- numerics
        service_level,
        daily_mean,
        daily_error,
        lead_time_days,
        lead_time_spread_days,
        review_days,
        expected_demand,
        safety_stock,
        reorder_point,
        lot,
        order_up_to,
        min_order_quantity,
        pack_size,
        on_hand,
        reserved,
        on_order,
        idle_days

    from {{ source('planning', 'stock_policy') }}

)

select * from stock_policy
