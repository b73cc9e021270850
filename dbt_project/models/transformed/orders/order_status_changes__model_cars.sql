with

final as (

    select
        cast(null as string) as order_id,
        cast(null as string) as source,
        cast(null as string) as order_state,
        cast(null as string) as source_status,
        cast(null as timestamp) as changed_at,
        cast(null as string) as last_load_id

    where false

)

select * from final
