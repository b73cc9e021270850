with

versions as (

    select
        receipt_id,
        store_code,
        till,
        cashier,
        loyalty_card,
        sold_at,
        updated_at,
        status,
        currency,
        total,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by receipt_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('pos_api', 'receipts') }}

),

current_rows as (

    select
        ---------- ids
        receipt_id,
        store_code,

        ---------- text
        {{ clean_text('cashier') }} as cashier,
        {{ clean_text('loyalty_card') }} as loyalty_card,
        {{ clean_text('status') }} as status,
        {{ clean_text('currency') }} as currency,

        ---------- numerics
        till,

        ---------- dates and instants
        sold_at,
        updated_at,

        ---------- money
        total,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
