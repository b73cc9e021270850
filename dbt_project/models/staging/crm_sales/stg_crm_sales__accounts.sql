with

versions as (

    select
        account,
        sector,
        year_established,
        revenue,
        employees,
        office_location,
        subsidiary_of,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by account
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('crm_sales', 'accounts') }}

),

current_rows as (

    select
        ---------- ids
        account,
        subsidiary_of,

        ---------- text
        {{ clean_text('sector') }} as sector,
        {{ clean_text('office_location') }} as office_location,

        ---------- numerics
        year_established,
        employees,

        ---------- money
        revenue,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
