-- Orders are judged by their last delivery; lead times that cannot be true are left out. What is
-- neither open nor delivered, such as a draft or a cancelled order, was not ordered.

with

suppliers as (

    select * from {{ ref('dim_suppliers') }}

),

purchase_order_lines as (

    select * from {{ ref('purchase_order_lines') }}
    where is_open or is_delivered

),

supplier_prices as (

    select * from {{ ref('kpi_supplier_prices') }}
    where unit_cost_year_before is not null and unit_cost is not null

),

today as (

    select max(date_day) as date_day
    from {{ ref('business_days') }}

),

orders as (

    select
        supplier_id,
        purchase_order_id,
        min(ordered_date) as ordered_date,
        max(due_date) as due_date,
        max(delivered_date) as delivered_date,
        max(case when is_open then 1 else 0 end) as open_order,
        min(case when is_delivered then 1 else 0 end) as delivered_order

    from purchase_order_lines
    group by supplier_id, purchase_order_id

),

judged as (

    select
        orders.*,
        case
            when delivered_order = 1
                then {{ believed_lead_time(days_between('ordered_date', 'delivered_date')) }}
        end as lead_time_days,
        case
            when delivered_order = 1 and due_date is not null and delivered_date is not null
                then case when delivered_date <= due_date then 1 else 0 end
        end as on_time,
        case when open_order = 1 and due_date < today.date_day then 1 else 0 end as overdue

    from orders
    cross join today

),

order_sums as (

    select
        supplier_id,
        count(*) as purchase_orders,
        sum(delivered_order) as delivered_orders,
        sum(open_order) as open_orders,
        sum(overdue) as overdue_orders,
        count(on_time) as delivered_orders_due,
        sum(on_time) as on_time_orders,
        count(lead_time_days) as lead_time_orders,
        avg(lead_time_days) as lead_time_mean,
        case when count(lead_time_days) > 1 then stddev_samp(lead_time_days) end
            as lead_time_spread,
        {{ percentile('lead_time_days', 0.5) }} as lead_time_median,
        {{ percentile('lead_time_days', 0.9) }} as lead_time_p90,
        min(ordered_date) as first_ordered_date,
        max(ordered_date) as last_ordered_date

    from judged
    group by supplier_id

),

-- What is still to come: the rest of a line where quantities and cost are known, else all of it.
line_sums as (

    select
        supplier_id,
        sum(case when is_delivered and delivered_quantity is not null then quantity end)
            as ordered_quantity,
        sum(case when is_delivered and quantity is not null then delivered_quantity end)
            as delivered_quantity,
        sum(case when is_open then 1 else 0 end) as open_lines,
        sum(case when is_open and outstanding_cost is not null then 1 else 0 end)
            as open_lines_with_cost,
        sum(case when is_open then outstanding_cost end) as open_value

    from (
        select
            purchase_order_lines.*,
            case
                when quantity is not null and unit_cost is not null
                    then greatest(quantity - coalesce(delivered_quantity, 0), 0) * unit_cost
                else line_cost
            end as outstanding_cost

        from purchase_order_lines
    ) as lines
    group by supplier_id

),

bought as (

    select
        purchase_order_lines.supplier_id,
        purchase_order_lines.product_id,
        sum(purchase_order_lines.quantity) as quantity

    from purchase_order_lines
    cross join today
    where
        purchase_order_lines.product_id is not null
        and {{ days_between('purchase_order_lines.ordered_date', 'today.date_day') }}
        between 0 and 364
    group by purchase_order_lines.supplier_id, purchase_order_lines.product_id

),

drift as (

    select
        bought.supplier_id,
        count(*) as compared_products,
        sum(bought.quantity * supplier_prices.unit_cost) as compared_value,
        sum(bought.quantity * supplier_prices.unit_cost_year_before) as compared_value_year_before

    from bought
    inner join supplier_prices
        on bought.supplier_id = supplier_prices.supplier_id
        and bought.product_id = supplier_prices.product_id
    where bought.quantity > 0
    group by bought.supplier_id

),

final as (

    select
        cast(suppliers.supplier_id as string) as supplier_id,
        cast(coalesce(order_sums.purchase_orders, 0) as bigint) as purchase_orders,
        cast(coalesce(order_sums.delivered_orders, 0) as bigint) as delivered_orders,
        cast(coalesce(order_sums.open_orders, 0) as bigint) as open_orders,
        cast(coalesce(order_sums.overdue_orders, 0) as bigint) as overdue_orders,
        cast(coalesce(order_sums.on_time_orders, 0) as bigint) as on_time_orders,
        cast(coalesce(order_sums.delivered_orders_due, 0) as bigint)
            as delivered_orders_due,
        cast(
            cast(order_sums.on_time_orders as double)
            / nullif(order_sums.delivered_orders_due, 0)
            as double
        ) as on_time_share,
        cast(coalesce(order_sums.lead_time_orders, 0) as bigint) as lead_time_orders,
        cast(order_sums.lead_time_mean as double) as lead_time_mean_days,
        cast(order_sums.lead_time_spread as double) as lead_time_spread_days,
        cast(order_sums.lead_time_median as double) as lead_time_median_days,
        cast(round(order_sums.lead_time_p90, 2) as double) as lead_time_p90_days,
        cast(line_sums.ordered_quantity as bigint) as ordered_quantity,
        cast(line_sums.delivered_quantity as bigint) as delivered_quantity,
        cast(
            cast(line_sums.delivered_quantity as double) / nullif(line_sums.ordered_quantity, 0)
            as double
        ) as delivered_share,
        cast(coalesce(drift.compared_products, 0) as bigint) as compared_products,
        cast(drift.compared_value as decimal(18, 2)) as compared_value,
        cast(drift.compared_value_year_before as decimal(18, 2)) as year_before_value,
        cast(
            cast(drift.compared_value - drift.compared_value_year_before as double)
            / nullif(cast(drift.compared_value_year_before as double), 0)
            as double
        ) as price_drift,
        cast(coalesce(line_sums.open_lines, 0) as bigint) as open_lines,
        cast(coalesce(line_sums.open_lines_with_cost, 0) as bigint) as open_lines_with_cost,
        cast(line_sums.open_value as decimal(18, 2)) as open_value,
        cast(order_sums.first_ordered_date as date) as first_ordered_date,
        cast(order_sums.last_ordered_date as date) as last_ordered_date

    from suppliers
    left join order_sums on suppliers.supplier_id = order_sums.supplier_id
    left join line_sums on suppliers.supplier_id = line_sums.supplier_id
    left join drift on suppliers.supplier_id = drift.supplier_id

)

select * from final
