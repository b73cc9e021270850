with

versions as (

    select
        transaction_id,
        customer_id,
        product_id,
        transaction_date,
        quantity_sold,
        total_price,
        payment_method,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by transaction_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'sales_transactions') }}

),

current_rows as (

    select
        ---------- ids
        transaction_id,
        customer_id,
        product_id,

        ---------- text
        {{ clean_text('payment_method') }} as payment_method,

        ---------- numerics
        quantity_sold,

        ---------- dates and instants
        transaction_date,
        created_at,
        updated_at,

        ---------- money
        total_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
