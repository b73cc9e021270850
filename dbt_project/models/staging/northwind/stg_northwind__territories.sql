with

versions as (

    select
        territory_id,
        territory_name,
        region_id,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by territory_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'territories') }}

),

current_rows as (

    select
        ---------- ids
        territory_id,

        ---------- text
        {{ clean_text('territory_name') }} as territory_name,

        ---------- numerics
        region_id,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
