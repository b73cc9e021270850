with

backtest_totals as (

    select * from {{ ref('stg_planning__backtest_totals') }}

),

final as (

    select
        cast(policy as string) as policy,
        cast(first_date as date) as first_date,
        cast(last_date as date) as last_date,
        cast(series as bigint) as series,
        cast(left_out_series as bigint) as left_out_series,
        cast(days as bigint) as days,
        cast(days_out_of_stock as bigint) as days_out_of_stock,
        cast(demand_units as double) as demand_units,
        cast(served_units as double) as served_units,
        cast(lost_units as double) as lost_units,
        cast(cycles as bigint) as cycles,
        cast(cycles_out_of_stock as bigint) as cycles_out_of_stock,
        cast(orders as bigint) as orders,
        cast(ordered_units as double) as ordered_units,
        cast(average_stock_units as double) as average_stock_units,
        cast(average_stock_value as decimal(18, 2)) as average_stock_value,
        cast(lost_value as decimal(18, 2)) as lost_value,
        cast(fill_rate as double) as fill_rate,
        cast(cycle_service as double) as cycle_service,
        cast(cycle_service_goal as double) as cycle_service_goal,
        cast(in_stock_rate as double) as in_stock_rate,
        cast(cost_coverage as double) as cost_coverage

    from backtest_totals

)

select * from final
