with

versions as (

    select
        order_number,
        order_date,
        required_date,
        shipped_date,
        status,
        comments,
        customer_number,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_number
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'orders') }}

),

current_rows as (

    select
        ---------- ids
        order_number,
        customer_number,

        ---------- text
        {{ clean_text('status') }} as status,
        {{ clean_text('comments') }} as comments,

        ---------- dates and instants
        order_date,
        required_date,
        shipped_date,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
