with

versions as (

    select
        employee_id,
        territory_id,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by employee_id, territory_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'employee_territories') }}

),

current_rows as (

    select
        ---------- ids
        employee_id,
        territory_id,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
