with

order_status_changes as (

    select * from {{ ref('order_status_changes') }}

),

final as (

    select
        cast(order_id as string) as order_id,
        cast(source as string) as source,
        cast(sequence_number as bigint) as sequence_number,
        cast(order_state as string) as order_state,
        cast(source_status as string) as source_status,
        cast(changed_at as timestamp) as changed_at,
        cast(last_load_id as string) as last_load_id

    from order_status_changes

)

select * from final
