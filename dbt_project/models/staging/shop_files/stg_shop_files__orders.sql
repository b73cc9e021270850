with

versions as (

    select
        order_no,
        line_no,
        order_date,
        customer,
        city,
        sku,
        product_name,
        quantity,
        unit_price,
        total,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by order_no, line_no
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('shop_files', 'orders') }}

),

current_rows as (

    select
        ---------- ids
        order_no,
        line_no,

        ---------- text
        {{ clean_text('customer') }} as customer,
        {{ clean_text('city') }} as city,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('product_name') }} as product_name,

        ---------- numerics
        quantity,

        ---------- dates and instants
        order_date,

        ---------- money
        unit_price,
        total,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
