with

versions as (

    select
        order_number,
        product_code,
        quantity_ordered,
        price_each,
        order_line_number,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_number, product_code
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'order_details') }}

),

current_rows as (

    select
        ---------- ids
        order_number,
        product_code,

        ---------- numerics
        quantity_ordered,
        order_line_number,

        ---------- money
        price_each,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
