-- Written by hand, beside the generated model of current rows: history needs every version.

with

versions as (

    select
        ---------- ids
        supplier_id,

        ---------- text
        {{ clean_text('supplier_name') }} as supplier_name,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,

        ---------- booleans
        coalesce(_is_deleted, false) as is_deleted,

        ---------- dates and instants
        created_at,
        updated_at,

        ---------- load
        _loaded_at,
        _load_id

    from {{ source('inventory_db', 'suppliers') }}

)

select * from versions
