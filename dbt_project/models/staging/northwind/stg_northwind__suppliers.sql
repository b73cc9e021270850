with

versions as (

    select
        supplier_id,
        company_name,
        contact_name,
        contact_title,
        address,
        city,
        region,
        postal_code,
        country,
        phone,
        fax,
        home_page,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by supplier_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'suppliers') }}

),

current_rows as (

    select
        ---------- ids
        supplier_id,

        ---------- text
        {{ clean_text('company_name') }} as company_name,
        {{ clean_text('contact_name') }} as contact_name,
        {{ clean_text('contact_title') }} as contact_title,
        {{ clean_text('address') }} as address,
        {{ clean_text('city') }} as city,
        {{ clean_text('region') }} as region,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('country') }} as country,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('fax') }} as fax,
        {{ clean_text('home_page') }} as home_page,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
