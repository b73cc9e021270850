with

versions as (

    select
        snapshot_date,
        stock_item_id,
        stock_location_id,
        fetched_at,
        sku,
        stock_level,
        stock_value,
        unit_cost,
        minimum_level,
        in_orders,
        due,
        available,
        is_just_in_time,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by snapshot_date, stock_item_id, stock_location_id
            order by fetched_at desc nulls last, _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_level_snapshots') }}

),

current_rows as (

    select
        ---------- ids
        snapshot_date,
        stock_item_id,
        stock_location_id,

        ---------- text
        {{ clean_text('sku') }} as sku,

        ---------- numerics
        stock_level,
        stock_value,
        unit_cost,
        minimum_level,
        in_orders,
        due,
        available,

        ---------- booleans
        is_just_in_time,

        ---------- dates and instants
        fetched_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
