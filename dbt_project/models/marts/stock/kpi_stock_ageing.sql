-- First in, first out: what is on hand are the units that came in last. Receipts are gone through
-- from the newest back until they make up the stock; what they do not make up, such as units that
-- came back or were found, has no known age.

with

stock_position as (

    select * from {{ ref('fct_stock_position') }}
    where on_hand > 0

),

receipts as (

    select
        product_id,
        location_id,
        movement_date,
        sum(quantity_change) as quantity

    from {{ ref('fct_stock_movements') }}
    where movement_type in ('receipt', 'opening') and quantity_change > 0
    group by product_id, location_id, movement_date

),

followed as (

    select
        receipts.*,
        sum(quantity) over (
            partition by product_id, location_id
            order by movement_date desc nulls last
            rows between unbounded preceding and current row
        ) - quantity as quantity_younger

    from receipts

),

left_over as (

    select
        stock_position.product_id,
        stock_position.location_id,
        {{ days_between('followed.movement_date', 'stock_position.as_of_date') }} as age_days,
        least(followed.quantity, stock_position.on_hand - followed.quantity_younger) as quantity

    from stock_position
    inner join followed
        on stock_position.product_id = followed.product_id
        and stock_position.location_id = followed.location_id
        and followed.quantity_younger < stock_position.on_hand

),

dated as (

    select
        product_id,
        location_id,
        sum(quantity) as quantity

    from left_over
    group by product_id, location_id

),

bucketed as (

    select
        product_id,
        location_id,
        case
            when age_days <= 30 then 1
            when age_days <= 60 then 2
            when age_days <= 90 then 3
            when age_days <= 180 then 4
            when age_days <= 365 then 5
            else 6
        end as bucket_number,
        quantity

    from left_over

    union all

    select
        stock_position.product_id,
        stock_position.location_id,
        7 as bucket_number,
        stock_position.on_hand - coalesce(dated.quantity, 0) as quantity

    from stock_position
    left join dated
        on stock_position.product_id = dated.product_id
        and stock_position.location_id = dated.location_id
    where stock_position.on_hand > coalesce(dated.quantity, 0)

),

buckets as (

    select
        product_id,
        location_id,
        bucket_number,
        sum(quantity) as quantity

    from bucketed
    group by product_id, location_id, bucket_number

),

final as (

    select
        cast(buckets.product_id as string) as product_id,
        cast(buckets.location_id as string) as location_id,
        cast(stock_position.as_of_date as date) as as_of_date,
        cast(buckets.bucket_number as bigint) as bucket_number,
        cast(
            case buckets.bucket_number
                when 1 then '0-30'
                when 2 then '31-60'
                when 3 then '61-90'
                when 4 then '91-180'
                when 5 then '181-365'
                when 6 then '>365'
                else 'unknown'
            end as string
        ) as age_bucket,
        cast(buckets.quantity as bigint) as quantity,
        cast(buckets.quantity * stock_position.unit_cost as decimal(18, 2)) as cost_value

    from buckets
    inner join stock_position
        on buckets.product_id = stock_position.product_id
        and buckets.location_id = stock_position.location_id

)

select * from final
