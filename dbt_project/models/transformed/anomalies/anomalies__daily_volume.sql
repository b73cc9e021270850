-- Orders and units of a channel on a day, beside the same weekday of the twelve weeks before: how far
-- from their median, in median absolute deviations. The deviation counts as at least the square root
-- of the median (what counting alone varies by) and one hundredth of it. The newest day is left out,
-- it is still filling up. Where fewer than five are usual on such a weekday chance decides, and less
-- than 30 % from the usual is not worth a look.

{%- set weeks = 12 %}
{%- set fewest_weeks = 4 %}
{%- set limit = 6 %}
{%- set smallest_share = 0.3 %}

with

business_days as (

    select * from {{ ref('business_days') }}

),

sold as (

    select
        channel,
        order_date,
        sum(quantity) as units,
        count(distinct order_id) as orders

    from {{ ref('fct_order_lines') }}
    where is_sale
    group by channel, order_date

),

first_days as (

    select
        channel,
        min(order_date) as first_date

    from sold
    group by channel

),

complete_days as (

    select date_day
    from business_days
    where date_day < (select max(date_day) from business_days)

),

channel_days as (

    select
        first_days.channel,
        complete_days.date_day as order_date,
        {{ days_between('first_days.first_date', 'complete_days.date_day') }} as day_number,
        coalesce(sold.units, 0) as units,
        coalesce(sold.orders, 0) as orders

    from first_days
    inner join complete_days on complete_days.date_day >= first_days.first_date
    left join sold
        on first_days.channel = sold.channel
        and complete_days.date_day = sold.order_date

),

measured as (

    select
        channel,
        'units' as measure,
        order_date,
        day_number,
        units as amount

    from channel_days

    union all

    select
        channel,
        'orders' as measure,
        order_date,
        day_number,
        orders as amount

    from channel_days

),

weeks_before as (

    {%- for week in range(1, weeks + 1) %}
    select {{ week }} as week_number
    {%- if not loop.last %} union all{% endif %}
    {%- endfor %}

),

earlier as (

    select
        measured.channel,
        measured.measure,
        measured.order_date,
        measured.amount,
        before.amount as earlier_amount

    from measured
    cross join weeks_before
    inner join measured as before
        on measured.channel = before.channel
        and measured.measure = before.measure
        and measured.day_number - 7 * weeks_before.week_number = before.day_number

),

centers as (

    select
        channel,
        measure,
        order_date,
        max(amount) as amount,
        {{ percentile('earlier_amount', 0.5) }} as usual,
        count(*) as weeks

    from earlier
    group by channel, measure, order_date
    having count(*) >= {{ fewest_weeks }}

),

spreads as (

    select
        centers.channel,
        centers.measure,
        centers.order_date,
        max(centers.amount) as amount,
        max(centers.usual) as usual,
        max(centers.weeks) as weeks,
        greatest(
            {{ percentile('abs(earlier.earlier_amount - centers.usual)', 0.5) }},
            sqrt(max(centers.usual)),
            max(centers.usual) / 100
        ) as spread

    from centers
    inner join earlier
        on centers.channel = earlier.channel
        and centers.measure = earlier.measure
        and centers.order_date = earlier.order_date
    where centers.usual >= 5
    group by centers.channel, centers.measure, centers.order_date

),

found as (

    select
        *,
        (amount - usual) / spread as spreads_away

    from spreads
    where
        abs(amount - usual) / spread > {{ limit }}
        and abs(amount - usual) >= {{ smallest_share }} * usual

),

final as (

    select
        {{ surrogate_key(["'daily_volume'", 'channel', 'measure', 'order_date']) }} as anomaly_id,
        order_date as detected_for_date,
        'volume' as subject,
        'daily_' || measure as rule,
        case when abs(spreads_away) > {{ 2 * limit }} then 'high' else 'medium' end as severity,
        cast(null as string) as product_id,
        cast(null as string) as location_id,
        channel as source,
        cast(amount as double) as observed,
        cast(usual as double) as expected,
        cast(spreads_away as double) as deviation,
        channel || ' had ' || cast(amount as string) || ' ' || measure || ' on '
        || cast(order_date as string) || '; the median of the ' || cast(weeks as string)
        || ' same weekdays before is ' || cast(cast(usual as decimal(18, 1)) as string) || ' ('
        || cast(cast(spreads_away as decimal(18, 1)) as string) || ' times the usual spread).'
            as reason,
        'marts.fct_order_lines' as linked_table,
        {{ row_condition(['channel', 'order_date']) }} || ' and is_sale' as linked_rows

    from found

)

select * from final
