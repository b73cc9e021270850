with

activity as (

    select * from {{ ref('web_activity') }}
    where product_id is not null

),

sessions as (

    select * from {{ ref('web_sessions') }}

),

-- Putting something into the cart from a list is looking at it, so no rate exceeds one.
visits as (

    select
        activity.product_id,
        activity.session_id,
        sum(case when activity.event_type = 'view' then 1 else 0 end) as view_count,
        sum(case when activity.event_type = 'add_to_cart' then 1 else 0 end) as cart_count,
        sum(case
            when sessions.has_purchase is null then null
            when activity.event_type = 'purchase' then 1
            else 0
        end) as purchase_count,
        max(case
            when activity.event_type in ('view', 'add_to_cart', 'checkout', 'purchase') then 1
            else 0
        end) as is_seen,
        max(case
            when activity.event_type in ('add_to_cart', 'checkout', 'purchase') then 1
            else 0
        end) as is_wanted,
        min(sessions.session_date) as session_date

    from activity
    inner join sessions on activity.session_id = sessions.session_id
    group by
        activity.product_id,
        activity.session_id

),

totals as (

    select
        product_id,
        min(session_date) as first_session_date,
        max(session_date) as last_session_date,
        sum(view_count) as view_count,
        sum(cart_count) as cart_count,
        sum(purchase_count) as purchase_count,
        sum(is_seen) as view_session_count,
        sum(is_wanted) as cart_session_count

    from visits
    group by product_id

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(first_session_date as date) as first_session_date,
        cast(last_session_date as date) as last_session_date,
        cast(view_count as bigint) as view_count,
        cast(cart_count as bigint) as cart_count,
        cast(purchase_count as bigint) as purchase_count,
        cast(view_session_count as bigint) as view_session_count,
        cast(cart_session_count as bigint) as cart_session_count,
        cast(cast(cart_session_count as double) / nullif(view_session_count, 0) as double)
            as view_to_cart_rate

    from totals

)

select * from final
