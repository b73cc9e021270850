-- One list of what each rule found; the rules are in transformed/anomalies.

with

found as (

    select * from {{ ref('anomalies__negative_stock') }}
    union all
    select * from {{ ref('anomalies__large_movement') }}
    union all
    select * from {{ ref('anomalies__phantom_stock') }}
    union all
    select * from {{ ref('anomalies__count_cluster') }}
    union all
    select * from {{ ref('anomalies__cost_jump') }}
    union all
    select * from {{ ref('anomalies__price_jump') }}
    union all
    select * from {{ ref('anomalies__daily_volume') }}

),

final as (

    select
        cast(anomaly_id as string) as anomaly_id,
        cast(detected_for_date as date) as detected_for_date,
        cast(subject as string) as subject,
        cast(rule as string) as rule,
        cast(severity as string) as severity,
        cast(product_id as string) as product_id,
        cast(location_id as string) as location_id,
        cast(source as string) as source,
        cast(observed as double) as observed,
        cast(expected as double) as expected,
        cast(deviation as double) as deviation,
        cast(reason as string) as reason,
        cast(linked_table as string) as linked_table,
        cast(linked_rows as string) as linked_rows

    from found

)

select * from final
