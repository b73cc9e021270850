with

versions as (

    select
        product_id,
        product_name,
        category,
        quantity_available,
        unit_price,
        supplier_id,
        restock_level,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by product_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'products') }}

),

current_rows as (

    select
        ---------- ids
        product_id,
        supplier_id,

        ---------- text
        {{ clean_text('product_name') }} as product_name,
        {{ clean_text('category') }} as category,

        ---------- numerics
        quantity_available,
        restock_level,

        ---------- dates and instants
        created_at,
        updated_at,

        ---------- money
        unit_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
