-- What sensors saw go in and out, by day. They see goods pass, not corrections, and know no levels.

with

readings as (

    select * from {{ ref('stg_inventory_db__iot_device_logs') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

placed as (

    select
        coalesce(
            product_keys.product_id, 'inventory_db-' || cast(readings.product_id as string)
        ) as product_id,
        location_keys.location_id,
        {{ local_date('readings.recorded_at', 'locations.time_zone') }} as sensor_date,
        case readings.event_type
            when 'Stock In' then readings.quantity
            when 'Stock Out' then -readings.quantity
            else 0
        end as quantity_change

    from readings
    inner join location_keys
        on location_keys.source = 'inventory_db'
        and readings.location = location_keys.source_location_key
    left join locations on location_keys.location_id = locations.location_id
    left join product_keys
        on product_keys.source = 'inventory_db'
        and cast(readings.product_id as string) = product_keys.source_product_key
    where readings.product_id is not null

),

final as (

    select
        product_id,
        location_id,
        sensor_date,
        sum(quantity_change) as quantity_change

    from placed
    group by
        product_id,
        location_id,
        sensor_date

)

select * from final
