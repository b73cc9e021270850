with

versions as (

    select
        supplier_id,
        supplier_name,
        contact_name,
        address,
        alternative_address,
        city,
        region,
        country,
        post_code,
        phone_number,
        second_phone_number,
        fax_number,
        email,
        web_page,
        currency,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by supplier_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'suppliers') }}

),

current_rows as (

    select
        ---------- ids
        supplier_id,

        ---------- text
        {{ clean_text('supplier_name') }} as supplier_name,
        {{ clean_text('contact_name') }} as contact_name,
        {{ clean_text('address') }} as address,
        {{ clean_text('alternative_address') }} as alternative_address,
        {{ clean_text('city') }} as city,
        {{ clean_text('region') }} as region,
        {{ clean_text('country') }} as country,
        {{ clean_text('post_code') }} as post_code,
        {{ clean_text('phone_number') }} as phone_number,
        {{ clean_text('second_phone_number') }} as second_phone_number,
        {{ clean_text('fax_number') }} as fax_number,
        {{ clean_text('email') }} as email,
        {{ clean_text('web_page') }} as web_page,
        {{ clean_text('currency') }} as currency,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
