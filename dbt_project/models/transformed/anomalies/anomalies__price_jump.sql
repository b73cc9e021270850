-- Prices that changed by more than half from one version to the next, ours and competitors'. A range
-- or another currency is no change of price.

with

product_versions as (

    select * from {{ ref('dim_product_versions') }}

),

price_history as (

    select * from {{ ref('fct_competitor_price_history') }}

),

offers as (

    select * from {{ ref('dim_competitor_offers') }}

),

our_versions as (

    select
        product_id,
        'ours' as source,
        'our price' as price_name,
        cast(valid_from_at as date) as changed_date,
        unit_price as price,
        lag(unit_price) over (
            partition by product_id
            order by version_number asc nulls first, valid_from_at asc nulls first
        ) as previous_price,
        'marts.dim_product_versions' as linked_table,
        {{ row_condition(['product_id', 'version_number']) }} as linked_rows

    from product_versions
    where unit_price > 0

),

their_versions as (

    select
        price_history.product_id,
        offers.shop as source,
        'the price of offer ' || price_history.offer_id || ' at ' || offers.shop as price_name,
        cast(price_history.valid_from_at as date) as changed_date,
        price_history.competitor_price as price,
        lag(price_history.competitor_price) over (
            partition by price_history.offer_id, price_history.currency
            order by price_history.version_number asc nulls first
        ) as previous_price,
        'marts.fct_competitor_price_history' as linked_table,
        {{ row_condition(['offer_id', 'version_number'], 'price_history') }} as linked_rows

    from price_history
    inner join offers on price_history.offer_id = offers.offer_id
    where price_history.competitor_price > 0 and price_history.highest_price is null

),

changes as (

    select * from our_versions
    union all
    select * from their_versions

),

found as (

    select
        *,
        cast(price - previous_price as double) / cast(previous_price as double) as change

    from changes
    where abs(price - previous_price) > 0.5 * previous_price

),

final as (

    select
        {{ surrogate_key(["'price_jump'", 'linked_table', 'linked_rows']) }} as anomaly_id,
        changed_date as detected_for_date,
        'price' as subject,
        'price_jump' as rule,
        case when source = 'ours' then 'high' else 'medium' end as severity,
        product_id,
        cast(null as string) as location_id,
        source,
        cast(price as double) as observed,
        cast(previous_price as double) as expected,
        change as deviation,
        'For ' || coalesce(product_id, 'a product not matched') || ', ' || price_name
        || ' went from ' || cast(cast(previous_price as decimal(18, 2)) as string) || ' to '
        || cast(cast(price as decimal(18, 2)) as string) || ' ('
        || cast(cast(100 * change as decimal(18, 1)) as string) || ' %) on '
        || cast(changed_date as string) || '.' as reason,
        linked_table,
        linked_rows

    from found

)

select * from final
