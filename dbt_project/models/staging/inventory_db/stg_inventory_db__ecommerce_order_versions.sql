-- Written by hand, beside the generated model of current rows: history needs every version.

with

versions as (

    select
        ---------- ids
        order_id,

        ---------- text
        {{ clean_text('order_status') }} as order_status,

        ---------- dates and instants
        order_date,
        updated_at,

        ---------- load
        _load_id

    from {{ source('inventory_db', 'ecommerce_orders') }}

)

select * from versions
