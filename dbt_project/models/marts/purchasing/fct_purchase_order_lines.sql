with

purchase_order_lines as (

    select * from {{ ref('purchase_order_lines') }}

),

final as (

    select
        cast(purchase_order_line_id as string) as purchase_order_line_id,
        cast(purchase_order_id as string) as purchase_order_id,
        cast(source as string) as source,
        cast(supplier_id as string) as supplier_id,
        cast(product_id as string) as product_id,
        cast(location_id as string) as location_id,
        cast(ordered_date as date) as order_date,
        cast(due_date as date) as due_date,
        cast(first_delivered_date as date) as first_delivery_date,
        cast(delivered_date as date) as delivery_date,
        cast(status as string) as order_status,
        cast(is_open as boolean) as is_open,
        cast(is_delivered as boolean) as is_delivered,
        cast(quantity as bigint) as quantity,
        cast(delivered_quantity as bigint) as delivered_quantity,
        cast(case when is_open then quantity - delivered_quantity end as bigint)
            as expected_quantity,
        cast(unit_cost as decimal(18, 6)) as unit_cost,
        cast(line_cost as decimal(18, 4)) as line_cost,
        cast(tax_amount as decimal(18, 4)) as tax_amount,
        cast(conversion_rate as double) as conversion_rate,
        cast(case when is_delivered then {{ days_between('ordered_date', 'delivered_date') }} end
            as bigint) as lead_time_days,
        cast(last_load_id as string) as last_load_id

    from purchase_order_lines

)

select * from final
