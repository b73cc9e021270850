with

demand_classes as (

    select
        ---------- ids
        product_id,
        location_id,

        ---------- text
        demand_class,
        abc_class,
        xyz_class,

        ---------- numerics
        adi,
        cv2,
        weekly_cv,
        annual_value,
        value_share

    from {{ source('planning', 'demand_classes') }}

)

select * from demand_classes
