with

versions as (

    select
        adjustment_id,
        product_id,
        adjustment_type,
        quantity_adjusted,
        reason,
        adjusted_by,
        adjustment_date,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by adjustment_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'stock_adjustments') }}

),

current_rows as (

    select
        ---------- ids
        adjustment_id,
        product_id,

        ---------- text
        {{ clean_text('adjustment_type') }} as adjustment_type,
        {{ clean_text('reason') }} as reason,
        {{ clean_text('adjusted_by') }} as adjusted_by,

        ---------- numerics
        quantity_adjusted,

        ---------- dates and instants
        adjustment_date,
        created_at,
        updated_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
