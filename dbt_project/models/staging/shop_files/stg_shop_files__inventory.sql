with

versions as (

    select
        warehouse,
        sku,
        product_name,
        counted_on,
        on_hand,
        reserved,
        bin,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by warehouse, sku, counted_on
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('shop_files', 'inventory') }}

),

current_rows as (

    select
        ---------- ids
        warehouse,
        sku,
        counted_on,

        ---------- text
        {{ clean_text('product_name') }} as product_name,
        {{ clean_text('bin') }} as bin,

        ---------- numerics
        on_hand,
        reserved,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
