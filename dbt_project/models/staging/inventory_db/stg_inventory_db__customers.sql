with

versions as (

    select
        customer_id,
        customer_name,
        email,
        phone_number,
        address,
        city,
        country,
        loyalty_points,
        created_at,
        updated_at,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by customer_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('inventory_db', 'customers') }}

),

current_rows as (

    select
        ---------- ids
        customer_id,

        ---------- text
        {{ clean_text('customer_name') }} as customer_name,
        lower({{ clean_text('email') }}) as email,
        {{ clean_text('phone_number') }} as phone_number,
        {{ clean_text('address') }} as address,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,

        ---------- numerics
        loyalty_points,

        ---------- dates and instants
        created_at,
        updated_at,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
