with

versions as (

    select
        purchase_order_id,
        supplier_id,
        order_date,
        delivery_date,
        total_amount,
        status,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by purchase_order_id
            order by updated_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'purchase_orders') }}

),

current_rows as (

    select
        ---------- ids
        purchase_order_id,
        supplier_id,

        ---------- text
        {{ clean_text('status') }} as status,

        ---------- dates and instants
        order_date,
        delivery_date,
        created_at,
        updated_at,

        ---------- money
        total_amount,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
