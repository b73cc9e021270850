with

versions as (

    select
        customer_number,
        check_number,
        payment_date,
        amount,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by customer_number, check_number
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'payments') }}

),

current_rows as (

    select
        ---------- ids
        customer_number,
        check_number,

        ---------- dates and instants
        payment_date,

        ---------- money
        amount,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
