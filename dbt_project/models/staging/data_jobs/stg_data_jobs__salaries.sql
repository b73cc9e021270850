-- The source gives these rows no key: equal rows are told apart by counting them.

with

keyed as (

    select
        {{ surrogate_key([
            'work_year', 'experience_level', 'employment_type', 'job_title', 'salary',
            'salary_currency', 'salary_in_usd', 'employee_residence', 'remote_ratio',
            'company_location', 'company_size', '_occurrence'
        ]) }} as row_key,
        work_year,
        experience_level,
        employment_type,
        job_title,
        salary,
        salary_currency,
        salary_in_usd,
        employee_residence,
        remote_ratio,
        company_location,
        company_size,
        _load_id,
        _loaded_at,
        _is_deleted

    from {{ source('data_jobs', 'salaries') }}

),

versions as (

    select
        row_key,
        work_year,
        experience_level,
        employment_type,
        job_title,
        salary,
        salary_currency,
        salary_in_usd,
        employee_residence,
        remote_ratio,
        company_location,
        company_size,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by row_key
            order by _load_id desc nulls last
        ) as _newest_first

    from keyed

),

current_rows as (

    select
        row_key,

        ---------- text
        {{ clean_text('experience_level') }} as experience_level,
        {{ clean_text('employment_type') }} as employment_type,
        {{ clean_text('job_title') }} as job_title,
        {{ clean_text('salary_currency') }} as salary_currency,
        {{ clean_text('employee_residence') }} as employee_residence,
        {{ clean_text('company_location') }} as company_location,
        {{ clean_text('company_size') }} as company_size,

        ---------- numerics
        work_year,
        salary,
        salary_in_usd,
        remote_ratio,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
