with

versions as (

    select
        payment_id,
        order_id,
        payment_date,
        amount,
        method,
        status,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by payment_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'payments') }}

),

current_rows as (

    select
        ---------- ids
        payment_id,
        order_id,

        ---------- text
        {{ clean_text('method') }} as method,
        {{ clean_text('status') }} as status,

        ---------- dates and instants
        payment_date,
        created_at,
        updated_at,

        ---------- money
        amount,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
