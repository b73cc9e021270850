with

versions as (

    select
        competitor_id,
        competitor_name,
        product_id,
        competitor_price,
        stock_availability,
        last_updated_at,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by competitor_id, product_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'competitor_data') }}

),

current_rows as (

    select
        ---------- ids
        competitor_id,
        product_id,

        ---------- text
        {{ clean_text('competitor_name') }} as competitor_name,
        {{ clean_text('stock_availability') }} as stock_availability,

        ---------- dates and instants
        last_updated_at,
        created_at,
        updated_at,

        ---------- money
        competitor_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
