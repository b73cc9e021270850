with

versions as (

    select
        trading_date,
        open_usd,
        high_usd,
        low_usd,
        close_usd,
        adjusted_close_usd,
        volume,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by trading_date
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('nvidia_prices', 'daily_prices') }}

),

current_rows as (

    select
        ---------- ids
        trading_date,

        ---------- numerics
        volume,

        ---------- money
        open_usd,
        high_usd,
        low_usd,
        close_usd,
        adjusted_close_usd,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
