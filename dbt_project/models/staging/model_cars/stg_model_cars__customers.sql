with

versions as (

    select
        customer_number,
        company_name,
        contact_last_name,
        contact_first_name,
        phone,
        address_line_1,
        address_line_2,
        city,
        state,
        postal_code,
        country,
        sales_employee_number,
        credit_limit,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by customer_number
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'customers') }}

),

current_rows as (

    select
        ---------- ids
        customer_number,
        sales_employee_number,

        ---------- text
        {{ clean_text('company_name') }} as company_name,
        {{ clean_text('contact_last_name') }} as contact_last_name,
        {{ clean_text('contact_first_name') }} as contact_first_name,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('address_line_1') }} as address_line_1,
        {{ clean_text('address_line_2') }} as address_line_2,
        {{ clean_text('city') }} as city,
        {{ clean_text('state') }} as state,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('country') }} as country,

        ---------- money
        credit_limit,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
