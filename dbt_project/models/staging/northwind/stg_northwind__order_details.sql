with

versions as (

    select
        order_id,
        product_id,
        unit_price,
        quantity,
        discount,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_id, product_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'order_details') }}

),

current_rows as (

    select
        ---------- ids
        order_id,
        product_id,

        ---------- numerics
        quantity,

        ---------- money
        unit_price,
        discount,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
