with

versions as (

    select
        category_id,
        category_name,
        description,
        picture,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by category_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('northwind', 'categories') }}

),

current_rows as (

    select
        ---------- ids
        category_id,

        ---------- text
        {{ clean_text('category_name') }} as category_name,
        {{ clean_text('description') }} as description,
        {{ clean_text('picture') }} as picture,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
