with

versions as (

    select
        order_id,
        customer_id,
        employee_id,
        order_date,
        required_date,
        shipped_date,
        shipper_id,
        freight,
        ship_name,
        ship_address,
        ship_city,
        ship_region,
        ship_postal_code,
        ship_country,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'orders') }}

),

current_rows as (

    select
        ---------- ids
        order_id,
        customer_id,
        employee_id,
        shipper_id,

        ---------- text
        {{ clean_text('ship_name') }} as ship_name,
        {{ clean_text('ship_address') }} as ship_address,
        {{ clean_text('ship_city') }} as ship_city,
        {{ clean_text('ship_region') }} as ship_region,
        {{ clean_text('ship_postal_code') }} as ship_postal_code,
        {{ clean_text('ship_country') }} as ship_country,

        ---------- dates and instants
        order_date,
        required_date,
        shipped_date,

        ---------- money
        freight,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
