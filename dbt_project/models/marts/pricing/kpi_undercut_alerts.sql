-- A price of theirs counts while the offer is in stock and was seen lately. The margin is what would
-- be left to us at their price without tax. Where a product states no tax, it is what its sales of
-- the last year held; unknown where the cost or the tax is.

{%- set undercut_share = 0.05 %}

with

products as (

    select * from {{ ref('dim_products') }}

),

today as (

    select max(date_day) as date_day
    from {{ ref('business_days') }}

),

sold_tax as (

    select
        order_lines.product_id,
        cast(sum(order_lines.tax_amount) as double)
        / nullif(cast(sum(order_lines.gross_amount - order_lines.tax_amount) as double), 0)
            as tax_rate

    from {{ ref('fct_order_lines') }} as order_lines
    cross join today
    where
        order_lines.is_sale
        and order_lines.tax_amount is not null
        and {{ days_between('order_lines.order_date', 'today.date_day') }} between 0 and 364
    group by order_lines.product_id

),

undercutting as (

    select
        prices.*,
        products.category,
        products.unit_cost,
        prices.competitor_price / (1 + coalesce(products.tax_rate, sold_tax.tax_rate)) as net_price

    from {{ ref('fct_competitor_prices') }} as prices
    cross join today
    left join products on prices.product_id = products.product_id
    left join sold_tax on prices.product_id = sold_tax.product_id
    where
        prices.is_comparable
        and prices.availability = 'in_stock'
        and prices.competitor_price < prices.our_price * (1 - {{ undercut_share }})
        and {{ days_between('prices.last_seen_at', 'today.date_day') }}
        <= {{ var('fresh_offer_days', 30) }}

),

final as (

    select
        cast(offer_id as string) as offer_id,
        cast(product_id as string) as product_id,
        cast(category as string) as category,
        cast(competitor_name as string) as competitor_name,
        cast(observed_in as string) as observed_in,
        cast(our_price as decimal(18, 2)) as our_price,
        cast(competitor_price as decimal(18, 2)) as competitor_price,
        cast(our_price - competitor_price as decimal(18, 2)) as undercut_amount,
        cast(
            cast(our_price - competitor_price as double) / cast(our_price as double) as double
        ) as undercut_share,
        cast(unit_cost as decimal(18, 6)) as unit_cost,
        cast(net_price as decimal(18, 2)) as net_price,
        cast(net_price - unit_cost as decimal(18, 2)) as margin_amount,
        cast(
            cast(net_price - unit_cost as double) / nullif(cast(net_price as double), 0) as double
        ) as margin_share,
        cast(price_since_at as timestamp) as price_since_at,
        cast(last_seen_at as timestamp) as last_seen_at

    from undercutting

)

select * from final
