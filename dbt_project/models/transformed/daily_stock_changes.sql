with

stock_movements as (

    select * from {{ ref('stock_movements') }}

),

final as (

    select
        product_id,
        movement_date,
        cast(sum(case when direction = 'in' then quantity else 0 end) as bigint) as quantity_in,
        cast(sum(case when direction = 'out' then quantity else 0 end) as bigint) as quantity_out

    from stock_movements
    group by product_id, movement_date

)

select * from final
