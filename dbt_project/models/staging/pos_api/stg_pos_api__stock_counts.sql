with

versions as (

    select
        count_id,
        store_code,
        sku,
        counted_on,
        quantity,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by count_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('pos_api', 'stock_counts') }}

),

current_rows as (

    select
        ---------- ids
        count_id,
        store_code,

        ---------- text
        {{ clean_text('sku') }} as sku,

        ---------- numerics
        quantity,

        ---------- dates and instants
        counted_on,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
