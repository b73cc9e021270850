-- The suppliers' dated price lists are the history. What Linnworks knows has no date: it completes
-- the terms of today, or stands alone from the day it was first told of.

with

price_lists as (

    select * from {{ ref('stg_shop_files__supplier_history') }}

),

item_suppliers as (

    select * from {{ ref('stg_linnworks__stock_item_suppliers') }}

),

linnworks_purchases as (

    select * from {{ ref('stg_linnworks__purchase_orders') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

supplier_keys as (

    select * from {{ ref('supplier_keys') }}

),

-- What a currency was worth when something was last bought in it.
dated_rates as (

    select
        currency,
        conversion_rate,
        row_number() over (
            partition by currency
            order by purchased_at desc nulls last, purchase_order_id desc nulls last
        ) as newest_first

    from linnworks_purchases
    where conversion_rate > 0

),

listed as (

    select
        coalesce(product_keys.product_id, price_lists.sku) as product_id,
        coalesce(supplier_keys.supplier_id, 'shop_files-' || price_lists.supplier_name)
            as supplier_id,
        price_lists.valid_from as valid_from_date,
        price_lists.lead_days as lead_time_days,
        cast(price_lists.unit_cost as decimal(18, 6)) as unit_cost,
        price_lists.minimum_order as min_order_quantity,
        price_lists._load_id as last_load_id

    from price_lists
    left join product_keys
        on product_keys.source = 'shop_files'
        and price_lists.sku = product_keys.source_product_key
    left join supplier_keys
        on supplier_keys.source = 'shop_files'
        and price_lists.supplier_name = supplier_keys.source_supplier_key

),

-- Two spellings of a supplier may state terms from the same day; the newer load knows better.
distinct_listed as (

    select
        listed.*,
        row_number() over (
            partition by product_id, supplier_id, valid_from_date
            order by last_load_id desc nulls last, unit_cost asc nulls last
        ) as preference

    from listed

),

intervals as (

    select
        product_id,
        supplier_id,
        valid_from_date,
        lead(valid_from_date) over (
            partition by product_id, supplier_id
            order by valid_from_date asc nulls last
        ) as valid_to_date,
        lead_time_days,
        unit_cost,
        min_order_quantity,
        last_load_id

    from distinct_listed
    where preference = 1

),

-- Zero is what nobody entered.
entered as (

    select
        product_keys.product_id,
        coalesce(supplier_keys.supplier_id, 'linnworks-' || item_suppliers.supplier_id)
            as supplier_id,
        coalesce(item_suppliers.is_default, false) as is_default,
        nullif(item_suppliers.lead_time_days, 0) as lead_time_days,
        case
            when item_suppliers.purchase_price > 0
                then cast(
                    cast(item_suppliers.purchase_price as double) * dated_rates.conversion_rate
                    as decimal(18, 6)
                )
        end as unit_cost,
        nullif(item_suppliers.minimum_order_quantity, 0) as min_order_quantity,
        nullif(item_suppliers.pack_size, 0) as pack_size,
        cast(item_suppliers._loaded_at as date) as known_since_date,
        item_suppliers._load_id as last_load_id

    from item_suppliers
    inner join product_keys
        on product_keys.source = 'linnworks'
        and item_suppliers.stock_item_id = product_keys.source_product_key
    left join supplier_keys
        on supplier_keys.source = 'linnworks'
        and item_suppliers.supplier_id = supplier_keys.source_supplier_key
    left join dated_rates
        on item_suppliers.currency = dated_rates.currency
        and dated_rates.newest_first = 1

),

distinct_entered as (

    select
        entered.*,
        row_number() over (
            partition by product_id, supplier_id
            order by is_default desc nulls last, last_load_id desc nulls last,
                unit_cost asc nulls last
        ) as preference

    from entered

),

merged as (

    select
        coalesce(intervals.product_id, distinct_entered.product_id) as product_id,
        coalesce(intervals.supplier_id, distinct_entered.supplier_id) as supplier_id,
        case when intervals.product_id is null then 'linnworks' else 'shop_files' end as source,
        coalesce(intervals.valid_from_date, distinct_entered.known_since_date) as valid_from_date,
        intervals.valid_to_date,
        coalesce(distinct_entered.is_default, false) as is_default,
        coalesce(intervals.lead_time_days, distinct_entered.lead_time_days) as lead_time_days,
        coalesce(intervals.unit_cost, distinct_entered.unit_cost) as unit_cost,
        coalesce(distinct_entered.min_order_quantity, intervals.min_order_quantity)
            as min_order_quantity,
        distinct_entered.pack_size,
        greatest(intervals.last_load_id, distinct_entered.last_load_id) as last_load_id

    from intervals
    full outer join (select * from distinct_entered where preference = 1) as distinct_entered
        on intervals.product_id = distinct_entered.product_id
        and intervals.supplier_id = distinct_entered.supplier_id
        and intervals.valid_to_date is null

),

ranked as (

    select
        merged.*,
        row_number() over (
            partition by product_id, valid_to_date is null
            order by is_default desc nulls last, unit_cost asc nulls last,
                supplier_id asc nulls last, valid_from_date asc nulls last
        ) as preference

    from merged

),

final as (

    select
        product_id,
        supplier_id,
        source,
        valid_from_date,
        valid_to_date,
        valid_to_date is null as is_current,
        valid_to_date is null and preference = 1 as is_preferred,
        cast(lead_time_days as bigint) as lead_time_days,
        unit_cost,
        cast(min_order_quantity as bigint) as min_order_quantity,
        cast(pack_size as bigint) as pack_size,
        last_load_id

    from ranked

)

select * from final
