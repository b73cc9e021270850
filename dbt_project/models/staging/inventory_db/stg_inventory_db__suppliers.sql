with

versions as (

    select
        supplier_id,
        supplier_name,
        contact_name,
        phone_number,
        email,
        address,
        city,
        country,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by supplier_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'suppliers') }}

),

current_rows as (

    select
        ---------- ids
        supplier_id,

        ---------- text
        {{ clean_text('supplier_name') }} as supplier_name,
        {{ clean_text('contact_name') }} as contact_name,
        {{ clean_text('phone_number') }} as phone_number,
        lower({{ clean_text('email') }}) as email,
        {{ clean_text('address') }} as address,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,

        ---------- dates and instants
        created_at,
        updated_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
