with

versions as (

    select
        product_id,
        product_name,
        supplier_id,
        category_id,
        quantity_per_unit,
        unit_price,
        units_in_stock,
        units_on_order,
        reorder_level,
        is_discontinued,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by product_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'products') }}

),

current_rows as (

    select
        ---------- ids
        product_id,
        supplier_id,
        category_id,

        ---------- text
        {{ clean_text('product_name') }} as product_name,
        {{ clean_text('quantity_per_unit') }} as quantity_per_unit,

        ---------- numerics
        units_in_stock,
        units_on_order,
        reorder_level,

        ---------- booleans
        is_discontinued,

        ---------- money
        unit_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
