with

versions as (

    select
        store_code,
        name,
        city,
        country,
        opened_on,
        is_open,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by store_code
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('pos_api', 'stores') }}

),

current_rows as (

    select
        ---------- ids
        store_code,

        ---------- text
        {{ clean_text('name') }} as name,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,

        ---------- booleans
        is_open,

        ---------- dates and instants
        opened_on,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
