with

versions as (

    select
        office_code,
        city,
        phone,
        address_line_1,
        address_line_2,
        state,
        country,
        postal_code,
        territory,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by office_code
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('model_cars', 'offices') }}

),

current_rows as (

    select
        ---------- ids
        office_code,

        ---------- text
        {{ clean_text('city') }} as city,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('address_line_1') }} as address_line_1,
        {{ clean_text('address_line_2') }} as address_line_2,
        {{ clean_text('state') }} as state,
        {{ clean_text('country') }} as country,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('territory') }} as territory,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
