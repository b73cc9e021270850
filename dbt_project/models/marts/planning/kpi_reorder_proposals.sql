with

proposals as (

    select * from {{ ref('stg_planning__reorder_proposals') }}

),

policies as (

    select * from {{ ref('stg_planning__stock_policy') }}

),

classes as (

    select * from {{ ref('stg_planning__demand_classes') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

suppliers as (

    select * from {{ ref('dim_suppliers') }}

),

locations as (

    select * from {{ ref('dim_locations') }}

),

ranked as (

    select
        proposals.*,
        classes.annual_value,
        row_number() over (
            partition by proposals.decision
            order by
                proposals.stock_out_risk desc nulls last,
                classes.annual_value desc nulls last,
                proposals.product_id asc nulls last,
                proposals.location_id asc nulls last
        ) as place

    from proposals
    left join classes
        on proposals.product_id = classes.product_id
        and proposals.location_id = classes.location_id

),

final as (

    select
        cast(ranked.product_id as string) as product_id,
        cast(products.product_name as string) as product_name,
        cast(products.category as string) as category,
        cast(ranked.location_id as string) as location_id,
        cast(locations.location_name as string) as location_name,
        cast(ranked.as_of_date as date) as as_of_date,
        cast(ranked.decision as string) as decision,
        cast(case when ranked.decision = 'order' then ranked.place end as bigint) as urgency_rank,
        cast(ranked.order_quantity as bigint) as order_quantity,
        cast(ranked.order_date as date) as order_date,
        cast(ranked.expected_arrival_date as date) as expected_arrival_date,
        cast(ranked.supplier_id as string) as supplier_id,
        cast(suppliers.supplier_name as string) as supplier_name,
        cast(ranked.unit_cost as decimal(18, 6)) as unit_cost,
        cast(ranked.order_cost as decimal(18, 2)) as order_cost,
        cast(policies.on_hand as bigint) as on_hand,
        cast(policies.reserved as bigint) as reserved,
        cast(policies.on_order as bigint) as on_order,
        cast(ranked.position as bigint) as position,
        cast(policies.reorder_point as bigint) as reorder_point,
        cast(policies.order_up_to as bigint) as order_up_to,
        cast(policies.safety_stock as double) as safety_stock,
        cast(policies.min_order_quantity as bigint) as min_order_quantity,
        cast(policies.pack_size as bigint) as pack_size,
        cast(ranked.stock_out_risk as double) as stock_out_risk,
        cast(ranked.days_of_cover as double) as days_of_cover,
        cast(policies.daily_mean as double) as daily_mean,
        cast(policies.lead_time_days as double) as lead_time_days,
        cast(policies.service_level as double) as service_level,
        cast(policies.abc_class as string) as abc_class,
        cast(policies.xyz_class as string) as xyz_class,
        cast(policies.demand_class as string) as demand_class,
        cast(ranked.annual_value as decimal(18, 2)) as annual_value,
        cast(ranked.reason as string) as reason

    from ranked
    left join policies
        on ranked.product_id = policies.product_id
        and ranked.location_id = policies.location_id
    left join products on ranked.product_id = products.product_id
    left join suppliers on ranked.supplier_id = suppliers.supplier_id
    left join locations on ranked.location_id = locations.location_id

)

select * from final
