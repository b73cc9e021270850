with

versions as (

    select
        order_id,
        platform,
        customer_id,
        product_id,
        order_date,
        quantity_ordered,
        total_price,
        order_status,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'ecommerce_orders') }}

),

current_rows as (

    select
        ---------- ids
        order_id,
        customer_id,
        product_id,

        ---------- text
        {{ clean_text('platform') }} as platform,
        {{ clean_text('order_status') }} as order_status,

        ---------- numerics
        quantity_ordered,

        ---------- dates and instants
        order_date,
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
