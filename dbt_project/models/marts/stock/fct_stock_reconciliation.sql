-- Four may speak of the same goods: the book, Linnworks, the sensors and whoever counted. The rules
-- are asked in order; the first that fits names the likely cause. Where the book has nothing of a
-- product that two others speak of, it says that there is none.

with

stock_daily as (

    select * from {{ ref('fct_stock_daily') }}

),

linnworks_levels as (

    select * from {{ ref('linnworks_levels') }}

),

warehouse_counts as (

    select * from {{ ref('warehouse_counts') }}

),

sensor_changes as (

    select * from {{ ref('sensor_changes') }}

),

products as (

    select * from {{ ref('products') }}

),

last_day as (

    select max(stock_date) as as_of_date
    from stock_daily

),

books as (

    select
        stock_daily.product_id,
        stock_daily.location_id,
        max(case when stock_daily.stock_date = last_day.as_of_date then stock_daily.closing_quantity end)
            as book_quantity,
        max(case when stock_daily.stock_date < last_day.as_of_date then stock_daily.closing_quantity end)
            as book_quantity_before

    from stock_daily
    inner join last_day
        on stock_daily.stock_date > last_day.as_of_date - interval '2' day
    group by
        stock_daily.product_id,
        stock_daily.location_id

),

-- The book on the evening of the count, and the corrections that were booked since.
books_when_counted as (

    select
        stock_daily.product_id,
        stock_daily.location_id,
        max(case
            when stock_daily.stock_date = warehouse_counts.counted_on
                then stock_daily.closing_quantity
        end) as book_quantity,
        sum(case
            when stock_daily.stock_date > warehouse_counts.counted_on
                then stock_daily.adjustment_quantity
            else 0
        end) as adjusted_since

    from stock_daily
    inner join warehouse_counts
        on stock_daily.product_id = warehouse_counts.product_id
        and stock_daily.location_id = warehouse_counts.location_id
        and stock_daily.stock_date >= warehouse_counts.counted_on
    group by
        stock_daily.product_id,
        stock_daily.location_id

),

-- A product that sensors saw once is one they see; without a count they cannot say how much there is.
sensors as (

    select
        sensor_changes.product_id,
        sensor_changes.location_id,
        max(books_when_counted.book_quantity)
            + max(books_when_counted.adjusted_since)
            + sum(case
                when sensor_changes.sensor_date > warehouse_counts.counted_on
                    and sensor_changes.sensor_date <= last_day.as_of_date
                    then sensor_changes.quantity_change
                else 0
            end) as quantity

    from sensor_changes
    cross join last_day
    inner join warehouse_counts
        on sensor_changes.product_id = warehouse_counts.product_id
        and sensor_changes.location_id = warehouse_counts.location_id
    inner join books_when_counted
        on sensor_changes.product_id = books_when_counted.product_id
        and sensor_changes.location_id = books_when_counted.location_id
    where books_when_counted.book_quantity is not null
    group by
        sensor_changes.product_id,
        sensor_changes.location_id

),

spoken_of as (

    select
        product_id,
        location_id

    from books
    where book_quantity is not null

    union all

    select
        product_id,
        location_id

    from linnworks_levels

    union all

    select
        product_id,
        location_id

    from sensors

    union all

    select
        product_id,
        location_id

    from warehouse_counts

),

spoken_of_twice as (

    select
        product_id,
        location_id

    from spoken_of
    group by
        product_id,
        location_id
    having count(*) >= 2

),

statements as (

    select
        spoken_of_twice.product_id,
        spoken_of_twice.location_id,
        last_day.as_of_date,
        coalesce(books.book_quantity, 0) as book_quantity,
        coalesce(books.book_quantity_before, 0) as book_quantity_before,
        linnworks_levels.quantity as linnworks_quantity,
        sensors.quantity as sensor_quantity,
        warehouse_counts.counted_on,
        warehouse_counts.quantity as counted_quantity,
        case
            when warehouse_counts.counted_on is not null
                then coalesce(books_when_counted.book_quantity, 0)
        end as book_quantity_when_counted

    from spoken_of_twice
    cross join last_day
    left join books
        on spoken_of_twice.product_id = books.product_id
        and spoken_of_twice.location_id = books.location_id
    left join linnworks_levels
        on spoken_of_twice.product_id = linnworks_levels.product_id
        and spoken_of_twice.location_id = linnworks_levels.location_id
    left join sensors
        on spoken_of_twice.product_id = sensors.product_id
        and spoken_of_twice.location_id = sensors.location_id
    left join warehouse_counts
        on spoken_of_twice.product_id = warehouse_counts.product_id
        and spoken_of_twice.location_id = warehouse_counts.location_id
    left join books_when_counted
        on spoken_of_twice.product_id = books_when_counted.product_id
        and spoken_of_twice.location_id = books_when_counted.location_id

),

differences as (

    select
        product_id,
        location_id,
        as_of_date,
        book_quantity,
        book_quantity_before,
        linnworks_quantity,
        sensor_quantity,
        counted_on,
        counted_quantity,
        book_quantity_when_counted,
        linnworks_quantity - book_quantity as linnworks_difference,
        sensor_quantity - book_quantity as sensor_difference,
        counted_quantity - book_quantity_when_counted as count_difference,
        -- Whoever is silent contradicts nobody.
        coalesce(linnworks_quantity, book_quantity) <> book_quantity as is_linnworks_off,
        coalesce(sensor_quantity, book_quantity) <> book_quantity as is_sensor_off,
        coalesce(counted_quantity, book_quantity_when_counted, 0)
            <> coalesce(book_quantity_when_counted, 0) as is_count_off

    from statements

),

ruled as (

    select
        product_id,
        location_id,
        as_of_date,
        book_quantity,
        book_quantity_before,
        linnworks_quantity,
        sensor_quantity,
        counted_on,
        counted_quantity,
        book_quantity_when_counted,
        linnworks_difference,
        sensor_difference,
        count_difference,
        case
            when not is_linnworks_off and not is_sensor_off and not is_count_off then 'agreement'
            when is_linnworks_off and linnworks_quantity = sensor_quantity then 'book alone'
            when is_linnworks_off and not is_sensor_off and linnworks_quantity = book_quantity_before
                then 'linnworks late'
            when is_linnworks_off and not is_sensor_off then 'linnworks alone'
            when is_sensor_off and not is_linnworks_off then 'sensors alone'
            when is_count_off and not is_linnworks_off and not is_sensor_off then 'count alone'
            else 'all differ'
        end as verdict

    from differences

),

judged as (

    select
        product_id,
        location_id,
        as_of_date,
        book_quantity,
        linnworks_quantity,
        sensor_quantity,
        counted_on,
        counted_quantity,
        book_quantity_when_counted,
        linnworks_difference,
        sensor_difference,
        count_difference,
        verdict,
        case verdict
            when 'agreement' then 0
            when 'sensors alone' then sensor_difference
            when 'count alone' then count_difference
            else linnworks_difference
        end as difference,
        case
            when verdict = 'agreement' then 'none'
            when verdict = 'book alone' and linnworks_difference > 0 then 'unposted_receipt'
            when verdict = 'book alone' then 'missed_sale'
            when verdict = 'linnworks late' then 'timing'
            when verdict = 'linnworks alone' and linnworks_difference > 0 then 'missed_sale'
            when verdict = 'linnworks alone' then 'unposted_receipt'
            when verdict = 'sensors alone' then 'sensor_fault'
            when verdict = 'count alone' and count_difference < 0 then 'shrinkage'
            when verdict = 'count alone' then 'unposted_receipt'
            else 'unexplained'
        end as likely_cause

    from ruled

),

final as (

    select
        cast(judged.product_id as string) as product_id,
        cast(judged.location_id as string) as location_id,
        cast(judged.as_of_date as date) as as_of_date,
        cast(judged.book_quantity as bigint) as book_quantity,
        cast(judged.linnworks_quantity as bigint) as linnworks_quantity,
        cast(judged.sensor_quantity as bigint) as sensor_quantity,
        cast(judged.counted_on as date) as counted_on,
        cast(judged.counted_quantity as bigint) as counted_quantity,
        cast(judged.book_quantity_when_counted as bigint) as book_quantity_when_counted,
        cast(judged.linnworks_difference as bigint) as linnworks_difference,
        cast(judged.sensor_difference as bigint) as sensor_difference,
        cast(judged.count_difference as bigint) as count_difference,
        cast(judged.difference as bigint) as difference,
        cast(products.unit_cost as decimal(18, 6)) as unit_cost,
        cast(judged.difference * products.unit_cost as decimal(18, 2)) as difference_value,
        cast(judged.likely_cause as string) as likely_cause,
        cast(case judged.verdict
            when 'agreement' then
                'Nobody contradicts the book, which says '
                || cast(judged.book_quantity as string) || '.'
            when 'book alone' then
                'Linnworks and the sensors say ' || cast(judged.linnworks_quantity as string)
                || ', the book ' || cast(judged.book_quantity as string) || ': '
                || cast(abs(judged.difference) as string)
                || case when judged.difference > 0 then ' came in' else ' went out' end
                || ' that the book was not told of.'
            when 'linnworks late' then
                'Linnworks says ' || cast(judged.linnworks_quantity as string)
                || ', as the book did a day earlier; now that says '
                || cast(judged.book_quantity as string) || '.'
            when 'linnworks alone' then
                'Linnworks says ' || cast(judged.linnworks_quantity as string)
                || ', the book ' || cast(judged.book_quantity as string) || ': '
                || cast(abs(judged.difference) as string)
                || case when judged.difference > 0 then ' went out' else ' came in' end
                || ' that Linnworks was not told of.'
            when 'sensors alone' then
                'By the sensors there would be ' || cast(judged.sensor_quantity as string)
                || ', the book says ' || cast(judged.book_quantity as string)
                || ' and no other system contradicts it: they are '
                || cast(abs(judged.difference) as string) || ' off.'
            when 'count alone' then
                cast(judged.counted_quantity as string) || ' were counted on '
                || cast(judged.counted_on as string) || ', when the book said '
                || cast(judged.book_quantity_when_counted as string) || ': '
                || cast(abs(judged.difference) as string)
                || case when judged.difference > 0 then ' too many.' else ' are missing.' end
            else
                'The book says ' || cast(judged.book_quantity as string)
                || ', Linnworks ' || cast(judged.linnworks_quantity as string)
                || ' and by the sensors there would be ' || cast(judged.sensor_quantity as string)
                || ': no two agree.'
        end as string) as explanation

    from judged
    left join products on judged.product_id = products.product_id

)

select * from final
