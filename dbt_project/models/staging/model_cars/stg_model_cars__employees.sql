with

versions as (

    select
        employee_number,
        last_name,
        first_name,
        phone_extension,
        email,
        office_code,
        reports_to,
        job_title,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by employee_number
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'employees') }}

),

current_rows as (

    select
        ---------- ids
        employee_number,
        office_code,
        reports_to,

        ---------- text
        {{ clean_text('last_name') }} as last_name,
        {{ clean_text('first_name') }} as first_name,
        {{ clean_text('phone_extension') }} as phone_extension,
        {{ clean_text('email') }} as email,
        {{ clean_text('job_title') }} as job_title,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
