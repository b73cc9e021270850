with

versions as (

    select
        receipt_id,
        line_number,
        sku,
        description,
        quantity,
        unit_price,
        discount,
        tax_rate,
        receipt_updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by receipt_id, line_number
            order by receipt_updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('pos_api', 'receipt_lines') }}

),

current_rows as (

    select
        ---------- ids
        receipt_id,
        line_number,

        ---------- text
        {{ clean_text('sku') }} as sku,
        {{ clean_text('description') }} as description,

        ---------- numerics
        quantity,
        tax_rate,

        ---------- dates and instants
        receipt_updated_at,

        ---------- money
        unit_price,
        discount,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
