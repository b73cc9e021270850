with

versions as (

    select
        shipper_id,
        company_name,
        phone,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by shipper_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'shippers') }}

),

current_rows as (

    select
        ---------- ids
        shipper_id,

        ---------- text
        {{ clean_text('company_name') }} as company_name,
        {{ clean_text('phone') }} as phone,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
