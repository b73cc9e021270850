-- Coverage is asked of units that are there; stock below zero would take units of other products off.

with

stock_daily as (

    select * from {{ ref('fct_stock_daily') }}

),

totals as (

    select
        stock_date,
        location_id,
        count(*) as products,
        sum(case when closing_quantity <= 0 then 1 else 0 end) as products_out_of_stock,
        sum(closing_quantity) as closing_quantity,
        sum(greatest(closing_quantity, 0)) as stocked_quantity,
        sum(case when cost_value is not null then greatest(closing_quantity, 0) else 0 end)
            as cost_known_quantity,
        sum(cost_value) as cost_value,
        sum(case when retail_value is not null then greatest(closing_quantity, 0) else 0 end)
            as price_known_quantity,
        sum(retail_value) as retail_value

    from stock_daily
    group by stock_date, location_id

),

final as (

    select
        cast(stock_date as date) as stock_date,
        cast(location_id as string) as location_id,
        cast(products as bigint) as products,
        cast(products_out_of_stock as bigint) as products_out_of_stock,
        cast(cast(products_out_of_stock as double) / nullif(products, 0) as double)
            as stock_out_rate,
        cast(closing_quantity as bigint) as closing_quantity,
        cast(stocked_quantity as bigint) as stocked_quantity,
        cast(cost_value as decimal(18, 2)) as cost_value,
        cast(cost_known_quantity as bigint) as cost_known_quantity,
        cast(cast(cost_known_quantity as double) / nullif(stocked_quantity, 0) as double)
            as cost_coverage,
        cast(retail_value as decimal(18, 2)) as retail_value,
        cast(price_known_quantity as bigint) as price_known_quantity,
        cast(cast(price_known_quantity as double) / nullif(stocked_quantity, 0) as double)
            as price_coverage

    from totals

)

select * from final
