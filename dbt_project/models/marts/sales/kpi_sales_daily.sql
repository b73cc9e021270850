with

order_lines as (

    select * from {{ ref('fct_order_lines') }}

),

returns as (

    select * from {{ ref('fct_returns') }}

),

-- What was sold, what came back and what was paid back, each on its day, in one shape.
changes as (

    select
        order_date as date_day,
        channel,
        category,
        country,
        1 as line_count,
        case when is_service then 0 else quantity end as units,
        gross_amount,
        discount_amount,
        tax_amount,
        case when tax_amount is not null then gross_amount else 0 end as taxed_gross_amount,
        net_amount as sales_amount,
        cost_amount,
        case when cost_amount is not null then net_amount else 0 end as costed_amount,
        0 as refund_amount,
        0 as refund_tax_amount,
        0 as return_units

    from order_lines
    where is_sale and not is_resend

    union all

    select
        return_date as date_day,
        channel,
        category,
        country,
        0 as line_count,
        0 as units,
        0 as gross_amount,
        0 as discount_amount,
        null as tax_amount,
        0 as taxed_gross_amount,
        0 as sales_amount,
        null as cost_amount,
        0 as costed_amount,
        0 as refund_amount,
        0 as refund_tax_amount,
        quantity as return_units

    from returns
    where coalesce(is_sale, true) and return_type <> 'resend' and quantity <> 0

    union all

    select
        refund_date as date_day,
        channel,
        category,
        country,
        0 as line_count,
        0 as units,
        0 as gross_amount,
        0 as discount_amount,
        null as tax_amount,
        0 as taxed_gross_amount,
        0 as sales_amount,
        null as cost_amount,
        0 as costed_amount,
        refund_amount,
        coalesce(refund_tax_amount, 0) as refund_tax_amount,
        0 as return_units

    from returns
    where coalesce(is_sale, true) and refund_amount <> 0

),

totals as (

    select
        date_day,
        coalesce(channel, 'unknown') as channel,
        coalesce(category, 'unknown') as category,
        coalesce(country, 'unknown') as country,
        sum(line_count) as line_count,
        sum(units) as units,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(tax_amount) as tax_amount,
        sum(taxed_gross_amount) as taxed_gross_amount,
        sum(sales_amount) as sales_amount,
        sum(refund_amount) as refund_amount,
        sum(refund_tax_amount) as refund_tax_amount,
        sum(sales_amount) - sum(refund_amount) + sum(refund_tax_amount) as net_amount,
        sum(cost_amount) as cost_amount,
        sum(costed_amount) as costed_amount,
        sum(costed_amount) - sum(cost_amount) as margin_amount,
        sum(return_units) as return_units

    from changes
    group by
        date_day,
        coalesce(channel, 'unknown'),
        coalesce(category, 'unknown'),
        coalesce(country, 'unknown')

),

final as (

    select
        cast(date_day as date) as date_day,
        cast(channel as string) as channel,
        cast(category as string) as category,
        cast(country as string) as country,
        cast(line_count as bigint) as line_count,
        cast(units as bigint) as units,
        cast(gross_amount as decimal(18, 4)) as gross_amount,
        cast(discount_amount as decimal(18, 4)) as discount_amount,
        cast(tax_amount as decimal(18, 4)) as tax_amount,
        cast(taxed_gross_amount as decimal(18, 4)) as taxed_gross_amount,
        cast(sales_amount as decimal(18, 4)) as sales_amount,
        cast(refund_amount as decimal(18, 4)) as refund_amount,
        cast(refund_tax_amount as decimal(18, 4)) as refund_tax_amount,
        cast(net_amount as decimal(18, 4)) as net_amount,
        cast(cost_amount as decimal(18, 4)) as cost_amount,
        cast(costed_amount as decimal(18, 4)) as costed_amount,
        cast(cast(costed_amount as double) / nullif(sales_amount, 0) as double) as cost_coverage,
        cast(margin_amount as decimal(18, 4)) as margin_amount,
        cast(cast(margin_amount as double) / nullif(costed_amount, 0) as double) as margin_rate,
        cast(return_units as bigint) as return_units

    from totals

)

select * from final
