with

versions as (

    select
        receipt_id,
        payment_number,
        method,
        amount,
        receipt_updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by receipt_id, payment_number
            order by receipt_updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('pos_api', 'receipt_payments') }}

),

current_rows as (

    select
        ---------- ids
        receipt_id,
        payment_number,

        ---------- text
        {{ clean_text('method') }} as method,

        ---------- dates and instants
        receipt_updated_at,

        ---------- money
        amount,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
