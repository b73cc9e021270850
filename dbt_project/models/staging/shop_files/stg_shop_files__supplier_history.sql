with

versions as (

    select
        sku,
        supplier_name,
        valid_from,
        unit_cost,
        lead_days,
        minimum_order,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by sku, supplier_name, valid_from
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('shop_files', 'supplier_history') }}

),

current_rows as (

    select
        ---------- ids
        sku,
        supplier_name,
        valid_from,

        ---------- numerics
        lead_days,
        minimum_order,

        ---------- money
        unit_cost,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
