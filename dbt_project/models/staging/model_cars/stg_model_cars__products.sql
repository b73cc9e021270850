with

versions as (

    select
        product_code,
        product_name,
        product_line,
        product_scale,
        product_vendor,
        product_description,
        quantity_in_stock,
        warehouse_code,
        buy_price,
        msrp,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by product_code
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'products') }}

),

current_rows as (

    select
        ---------- ids
        product_code,
        product_line,
        warehouse_code,

        ---------- text
        {{ clean_text('product_name') }} as product_name,
        {{ clean_text('product_scale') }} as product_scale,
        {{ clean_text('product_vendor') }} as product_vendor,
        {{ clean_text('product_description') }} as product_description,

        ---------- numerics
        quantity_in_stock,

        ---------- money
        buy_price,
        msrp,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
