with

sessions as (

    select * from {{ ref('web_sessions') }}

),

steps as (

    select 1 as step_number, 'view' as step
    union all
    select 2 as step_number, 'cart' as step
    union all
    select 3 as step_number, 'checkout' as step
    union all
    select 4 as step_number, 'purchase' as step

),

-- A session counts for a step that it skipped on the way to a later one, so no step can be larger
-- than the one before.
reached as (

    select
        sessions.session_date,
        sessions.source,
        steps.step_number,
        steps.step,
        sum(case
            when steps.step = 'purchase' and sessions.has_purchase is null then null
            when sessions.reached_step >= steps.step_number then 1
            else 0
        end) as session_count

    from sessions
    cross join steps
    group by
        sessions.session_date,
        sessions.source,
        steps.step_number,
        steps.step

),

compared as (

    select
        *,
        lag(session_count) over (
            partition by session_date, source
            order by step_number asc nulls last
        ) as previous_session_count,
        first_value(session_count) over (
            partition by session_date, source
            order by step_number asc nulls last
            rows between unbounded preceding and current row
        ) as start_session_count

    from reached

),

final as (

    select
        cast(session_date as date) as session_date,
        cast(source as string) as source,
        cast(step_number as integer) as step_number,
        cast(step as string) as step,
        cast(session_count as bigint) as session_count,
        cast(previous_session_count as bigint) as previous_session_count,
        cast(start_session_count as bigint) as start_session_count,
        cast(cast(session_count as double) / nullif(previous_session_count, 0) as double)
            as step_conversion_rate,
        cast(cast(session_count as double) / nullif(start_session_count, 0) as double)
            as start_conversion_rate

    from compared

)

select * from final
