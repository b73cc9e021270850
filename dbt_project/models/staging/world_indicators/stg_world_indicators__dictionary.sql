with

versions as (

    select
        table_name,
        field_name,
        description,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by table_name, field_name
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('world_indicators', 'dictionary') }}

),

current_rows as (

    select
        ---------- ids
        table_name,
        field_name,

        ---------- text
        {{ clean_text('description') }} as description,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
