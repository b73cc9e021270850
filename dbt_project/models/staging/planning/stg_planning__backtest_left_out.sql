with

backtest_left_out as (

    select
        ---------- ids
        product_id,
        location_id,

        ---------- text
        reason

    from {{ source('planning', 'backtest_left_out') }}

)

select * from backtest_left_out
