with

versions as (

    select
        product_line,
        text_description,
        html_description,
        image,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by product_line
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'product_lines') }}

),

current_rows as (

    select
        ---------- ids
        product_line,

        ---------- text
        {{ clean_text('text_description') }} as text_description,
        {{ clean_text('html_description') }} as html_description,
        {{ clean_text('image') }} as image,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
