-- Written by hand, beside the generated model of current rows: history needs every version, and
-- staging is the only layer that reads the raw one.

with

versions as (

    select
        ---------- ids
        product_id,
        supplier_id,

        ---------- text
        {{ clean_text('product_name') }} as product_name,
        {{ clean_text('category') }} as category,

        ---------- numerics
        restock_level,

        ---------- booleans
        coalesce(_is_deleted, false) as is_deleted,

        ---------- dates and instants
        created_at,
        updated_at,

        ---------- money
        unit_price,

        ---------- load
        _loaded_at,
        _load_id

    from {{ source('inventory_db', 'products') }}

)

select * from versions
