with

versions as (

    select
        warehouse_code,
        warehouse_name,
        used_percent,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by warehouse_code
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'warehouses') }}

),

current_rows as (

    select
        ---------- ids
        warehouse_code,

        ---------- text
        {{ clean_text('warehouse_name') }} as warehouse_name,

        ---------- numerics
        used_percent,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
