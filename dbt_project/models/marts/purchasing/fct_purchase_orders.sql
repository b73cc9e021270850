with

purchase_orders as (

    select * from {{ ref('purchase_orders') }}

),

purchase_order_lines as (

    select * from {{ ref('purchase_order_lines') }}

),

last_day as (

    select max(date_day) as as_of_date
    from {{ ref('business_days') }}

),

line_totals as (

    select
        purchase_order_id,
        -- A line without a product stands for an order whose lines nobody kept.
        case when count(product_id) > 0 then count(*) end as line_count,
        sum(quantity) as quantity,
        sum(delivered_quantity) as delivered_quantity,
        max(last_load_id) as last_load_id

    from purchase_order_lines
    group by purchase_order_id

),

joined as (

    select
        purchase_orders.purchase_order_id,
        purchase_orders.source,
        purchase_orders.supplier_id,
        purchase_orders.location_id,
        purchase_orders.ordered_date,
        purchase_orders.due_date,
        purchase_orders.first_delivered_date,
        purchase_orders.delivered_date,
        purchase_orders.status,
        purchase_orders.is_open,
        purchase_orders.is_delivered,
        purchase_orders.total_amount,
        line_totals.line_count,
        line_totals.quantity,
        line_totals.delivered_quantity,
        last_day.as_of_date,
        greatest(purchase_orders.last_load_id, line_totals.last_load_id) as last_load_id

    from purchase_orders
    cross join last_day
    left join line_totals
        on purchase_orders.purchase_order_id = line_totals.purchase_order_id

),

final as (

    select
        cast(purchase_order_id as string) as purchase_order_id,
        cast(source as string) as source,
        cast(supplier_id as string) as supplier_id,
        cast(location_id as string) as location_id,
        cast(ordered_date as date) as order_date,
        cast(due_date as date) as due_date,
        cast(first_delivered_date as date) as first_delivery_date,
        cast(delivered_date as date) as delivery_date,
        cast(status as string) as order_status,
        cast(is_open as boolean) as is_open,
        cast(is_delivered as boolean) as is_delivered,
        cast(line_count as bigint) as line_count,
        cast(quantity as bigint) as quantity,
        cast(delivered_quantity as bigint) as delivered_quantity,
        cast(total_amount as decimal(18, 2)) as total_amount,
        cast(case when is_delivered then {{ days_between('ordered_date', 'delivered_date') }} end
            as bigint) as lead_time_days,
        cast(
            case
                when is_delivered
                    then {{ believed_lead_time(days_between('ordered_date', 'delivered_date')) }}
            end
            as bigint
        ) as believed_lead_time_days,
        cast(case when is_delivered then {{ days_between('due_date', 'delivered_date') }} end
            as bigint) as days_late,
        cast(case when is_open then {{ days_between('ordered_date', 'as_of_date') }} end as bigint)
            as days_open,
        cast(last_load_id as string) as last_load_id

    from joined

)

select * from final
