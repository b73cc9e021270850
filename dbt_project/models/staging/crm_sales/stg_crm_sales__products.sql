with

versions as (

    select
        product,
        series,
        sales_price,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by product
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('crm_sales', 'products') }}

),

current_rows as (

    select
        ---------- ids
        product,

        ---------- text
        {{ clean_text('series') }} as series,

        ---------- money
        sales_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
