with

versions as (

    select
        stock_location_id,
        stock_location_number,
        location_name,
        location_tag,
        address_1,
        address_2,
        city,
        county,
        country,
        post_code,
        is_fulfilment_center,
        is_warehouse_managed,
        is_not_trackable,
        counts_until_acknowledged,
        deducts_when_processed,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by stock_location_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('linnworks', 'stock_location_details') }}

),

current_rows as (

    select
        ---------- ids
        stock_location_id,

        ---------- text
        {{ clean_text('location_name') }} as location_name,
        {{ clean_text('location_tag') }} as location_tag,
        {{ clean_text('address_1') }} as address_1,
        {{ clean_text('address_2') }} as address_2,
        {{ clean_text('city') }} as city,
        {{ clean_text('county') }} as county,
        {{ clean_text('country') }} as country,
        {{ clean_text('post_code') }} as post_code,

        ---------- numerics
        stock_location_number,

        ---------- booleans
        is_fulfilment_center,
        is_warehouse_managed,
        is_not_trackable,
        counts_until_acknowledged,
        deducts_when_processed,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
