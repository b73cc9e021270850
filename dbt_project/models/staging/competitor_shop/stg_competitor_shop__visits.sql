with

versions as (

    select
        page_url,
        visited_at,
        page_kind,
        outcome,
        status,
        products,
        detail,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by page_url, visited_at
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('competitor_shop', 'visits') }}

),

current_rows as (

    select
        ---------- ids
        page_url,
        visited_at,

        ---------- text
        {{ clean_text('page_kind') }} as page_kind,
        {{ clean_text('outcome') }} as outcome,
        {{ clean_text('detail') }} as detail,

        ---------- numerics
        status,
        products,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
