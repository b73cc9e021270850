with

versions as (

    select
        employee_id,
        last_name,
        first_name,
        job_title,
        title_of_courtesy,
        birth_date,
        hire_date,
        address,
        city,
        region,
        postal_code,
        country,
        home_phone,
        phone_extension,
        biography,
        reports_to,
        photo,
        photo_path,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by employee_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'employees') }}

),

current_rows as (

    select
        ---------- ids
        employee_id,
        reports_to,

        ---------- text
        {{ clean_text('last_name') }} as last_name,
        {{ clean_text('first_name') }} as first_name,
        {{ clean_text('job_title') }} as job_title,
        {{ clean_text('title_of_courtesy') }} as title_of_courtesy,
        {{ clean_text('address') }} as address,
        {{ clean_text('city') }} as city,
        {{ clean_text('region') }} as region,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('country') }} as country,
        {{ clean_text('home_phone') }} as home_phone,
        {{ clean_text('phone_extension') }} as phone_extension,
        {{ clean_text('biography') }} as biography,
        {{ clean_text('photo') }} as photo,
        {{ clean_text('photo_path') }} as photo_path,

        ---------- dates and instants
        birth_date,
        hire_date,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
