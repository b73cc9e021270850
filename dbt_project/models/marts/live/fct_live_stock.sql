-- The book as of the last day that is closed, and what sensors saw since. The day of the stream's
-- newest event is not closed; a book that ends earlier is carried on from where it ends, and without
-- one everything the sensors saw counts. What the book does not know was not zero there: it is empty.

with

changes as (

    select * from {{ ref('live_stock_changes') }}

),

stock_daily as (

    select * from {{ ref('fct_stock_daily') }}

),

newest as (

    select max(event_date) as event_date
    from changes

),

closed as (

    select max(stock_daily.stock_date) as closed_date

    from stock_daily
    cross join newest
    where stock_daily.stock_date < newest.event_date

),

books as (

    select
        stock_daily.product_id,
        stock_daily.location_id,
        stock_daily.closing_quantity

    from stock_daily
    inner join closed on stock_daily.stock_date = closed.closed_date

),

seen as (

    select
        changes.product_id,
        changes.location_id,
        changes.sku,
        changes.location,
        closed.closed_date,
        sum(case
            when closed.closed_date is null or changes.event_date > closed.closed_date
                then changes.quantity_change
            else 0
        end) as quantity_change,
        count(*) as events,
        min(changes.event_at) as first_event_at,
        max(changes.event_at) as last_event_at

    from changes
    cross join closed
    group by
        changes.product_id,
        changes.location_id,
        changes.sku,
        changes.location,
        closed.closed_date

),

final as (

    select
        cast(seen.product_id as string) as product_id,
        cast(seen.location_id as string) as location_id,
        cast(seen.sku as string) as sku,
        cast(seen.location as string) as location,
        cast(seen.closed_date as date) as closed_date,
        cast(books.closing_quantity as bigint) as closing_quantity,
        cast(seen.quantity_change as bigint) as quantity_change,
        cast(coalesce(books.closing_quantity, 0) + seen.quantity_change as bigint)
            as quantity_on_hand,
        cast(seen.events as bigint) as events,
        cast(seen.first_event_at as timestamp) as first_event_at,
        cast(seen.last_event_at as timestamp) as last_event_at

    from seen
    left join books
        on seen.product_id = books.product_id
        and seen.location_id = books.location_id

)

select * from final
