with

order_lines as (

    select * from {{ ref('fct_order_lines') }}

),

returns as (

    select * from {{ ref('fct_returns') }}

),

dim_products as (

    select * from {{ ref('dim_products') }}

),

last_days as (

    select max(date_day) as last_day from {{ ref('dim_dates') }}

),

windows as (

    select 28 as window_days
    union all
    select 90 as window_days
    union all
    select 365 as window_days

),

changes as (

    select
        product_id,
        order_date as date_day,
        quantity as units,
        gross_amount,
        net_amount as sales_amount,
        cost_amount,
        case when cost_amount is not null then net_amount else 0 end as costed_amount,
        0 as refund_amount,
        0 as refund_net_amount,
        0 as return_units

    from order_lines
    where is_sale and not is_resend and not is_service and product_id is not null

    union all

    select
        product_id,
        return_date as date_day,
        0 as units,
        0 as gross_amount,
        0 as sales_amount,
        null as cost_amount,
        0 as costed_amount,
        0 as refund_amount,
        0 as refund_net_amount,
        quantity as return_units

    from returns
    where coalesce(is_sale, true) and return_type <> 'resend' and product_id is not null

    union all

    select
        product_id,
        refund_date as date_day,
        0 as units,
        0 as gross_amount,
        0 as sales_amount,
        null as cost_amount,
        0 as costed_amount,
        refund_amount,
        refund_amount - coalesce(refund_tax_amount, 0) as refund_net_amount,
        0 as return_units

    from returns
    where coalesce(is_sale, true) and refund_amount <> 0 and product_id is not null

),

-- Products that no dimension knows are sold all the same.
products as (

    select product_id from dim_products
    union
    select product_id from changes

),

happened as (

    select
        windows.window_days,
        changes.product_id,
        sum(changes.units) as units,
        sum(changes.gross_amount) as gross_amount,
        sum(changes.sales_amount) as sales_amount,
        sum(changes.refund_amount) as refund_amount,
        sum(changes.sales_amount) - sum(changes.refund_net_amount) as net_amount,
        sum(changes.cost_amount) as cost_amount,
        sum(changes.costed_amount) as costed_amount,
        sum(changes.return_units) as return_units

    from changes
    cross join last_days
    inner join windows
        on {{ days_between('changes.date_day', 'last_days.last_day') }} < windows.window_days
    group by
        windows.window_days,
        changes.product_id

),

totals as (

    select
        window_days,
        sum(gross_amount) as total_gross_amount

    from happened
    group by window_days

),

joined as (

    select
        products.product_id,
        windows.window_days,
        last_days.last_day,
        coalesce(dim_products.category, 'unknown') as category,
        coalesce(happened.units, 0) as units,
        coalesce(happened.gross_amount, 0) as gross_amount,
        coalesce(happened.sales_amount, 0) as sales_amount,
        coalesce(happened.refund_amount, 0) as refund_amount,
        coalesce(happened.net_amount, 0) as net_amount,
        happened.cost_amount,
        coalesce(happened.costed_amount, 0) as costed_amount,
        coalesce(happened.costed_amount, 0) - happened.cost_amount as margin_amount,
        coalesce(happened.return_units, 0) as return_units,
        coalesce(totals.total_gross_amount, 0) as total_gross_amount

    from products
    cross join windows
    cross join last_days
    left join dim_products on products.product_id = dim_products.product_id
    left join happened
        on products.product_id = happened.product_id
        and windows.window_days = happened.window_days
    left join totals on windows.window_days = totals.window_days

),

ranked as (

    select
        *,
        row_number() over (
            partition by window_days
            order by gross_amount desc nulls last, product_id asc nulls last
        ) as sales_rank,
        row_number() over (
            partition by window_days, category
            order by gross_amount desc nulls last, product_id asc nulls last
        ) as category_sales_rank,
        sum(gross_amount) over (
            partition by window_days
            order by gross_amount desc nulls last, product_id asc nulls last
            rows between unbounded preceding and current row
        ) as cumulative_gross_amount

    from joined

),

final as (

    select
        cast(product_id as string) as product_id,
        cast(window_days as integer) as window_days,
        cast(last_day as date) as as_of_date,
        cast(category as string) as category,
        cast(units as bigint) as units,
        cast(gross_amount as decimal(18, 2)) as gross_amount,
        cast(sales_amount as decimal(18, 2)) as sales_amount,
        cast(refund_amount as decimal(18, 2)) as refund_amount,
        cast(net_amount as decimal(18, 2)) as net_amount,
        cast(cost_amount as decimal(18, 2)) as cost_amount,
        cast(costed_amount as decimal(18, 2)) as costed_amount,
        cast(cast(costed_amount as double) / nullif(sales_amount, 0) as double) as cost_coverage,
        cast(margin_amount as decimal(18, 2)) as margin_amount,
        cast(cast(margin_amount as double) / nullif(costed_amount, 0) as double) as margin_rate,
        cast(return_units as bigint) as return_units,
        cast(sales_rank as bigint) as sales_rank,
        cast(category_sales_rank as bigint) as category_sales_rank,
        cast(total_gross_amount as decimal(18, 2)) as total_gross_amount,
        cast(cast(gross_amount as double) / nullif(total_gross_amount, 0) as double)
            as gross_share,
        cast(cast(cumulative_gross_amount as double) / nullif(total_gross_amount, 0) as double)
            as cumulative_gross_share

    from ranked

)

select * from final
