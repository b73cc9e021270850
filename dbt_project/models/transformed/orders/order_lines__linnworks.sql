-- Two things are handed down to lines: the order's discount, by what lines cost, and the money of a
-- kit, to its components by what those cost in stock. Both are rounded as running totals, so that
-- no ten-thousandth is lost: lines and postage are the order's total, components are the kit.

with

searched as (

    select * from {{ ref('stg_linnworks__processed_orders') }}

),

details as (

    select * from {{ ref('stg_linnworks__processed_order_details') }}

),

open_orders as (

    select * from {{ ref('stg_linnworks__open_orders') }}

),

processed_items as (

    select * from {{ ref('stg_linnworks__processed_order_items') }}

),

processed_components as (

    select * from {{ ref('stg_linnworks__processed_order_item_components') }}

),

open_items as (

    select * from {{ ref('stg_linnworks__open_order_items') }}

),

stock_items as (

    select * from {{ ref('stg_linnworks__stock_items') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

headers as (

    select
        details.order_id,
        true as is_processed,
        coalesce(searched.is_cancelled, details.is_cancelled, false) as is_cancelled,
        details.conversion_rate,
        coalesce(details.postage_cost, 0) as postage_cost,
        coalesce(details.total_discount, 0) as total_discount,
        details._load_id as last_load_id

    from details
    inner join searched on details.order_id = searched.order_id

    union all

    select
        open_orders.order_id,
        false as is_processed,
        false as is_cancelled,
        open_orders.conversion_rate,
        coalesce(open_orders.postage_cost, 0) as postage_cost,
        coalesce(open_orders.total_discount, 0) as total_discount,
        open_orders._load_id as last_load_id

    from open_orders
    left join details on open_orders.order_id = details.order_id
    where details.order_id is null

),

items as (

    select
        true as is_processed,
        order_item_id,
        order_id,
        stock_item_id,
        -- What no stock item is linked to is known by the name its channel gives it.
        coalesce(sku, 'linnworks-' || coalesce(channel_sku, title)) as sku,
        quantity,
        part_shipped_quantity,
        is_service,
        line_total,
        tax,
        despatch_unit_cost,
        _load_id

    from processed_items

    union all

    select
        false as is_processed,
        order_item_id,
        order_id,
        stock_item_id,
        coalesce(sku, 'linnworks-' || coalesce(channel_sku, title)) as sku,
        quantity,
        part_shipped_quantity,
        is_service,
        line_total,
        tax,
        despatch_unit_cost,
        _load_id

    from open_items

),

-- What is sold: simple lines, and kits as one.
sold as (

    select
        items.order_item_id,
        items.order_id,
        items.stock_item_id,
        items.sku,
        items.quantity,
        items.part_shipped_quantity,
        coalesce(items.is_service, false) as is_service,
        items.is_processed,
        headers.is_cancelled,
        headers.conversion_rate,
        headers.postage_cost,
        headers.total_discount,
        cast(coalesce(items.line_total, 0) as decimal(18, 6)) as line_total,
        items.tax,
        items.despatch_unit_cost,
        greatest(items._load_id, headers.last_load_id) as last_load_id

    from items
    inner join headers
        on items.order_id = headers.order_id
        and items.is_processed = headers.is_processed

),

orders as (

    select
        order_id,
        count(*) as line_count,
        sum(line_total) as goods_total

    from sold
    group by order_id

),

running as (

    select
        sold.*,
        orders.line_count,
        orders.goods_total,
        row_number() over (
            partition by sold.order_id
            order by sold.order_item_id asc nulls last
        ) as place,
        sum(sold.line_total) over (
            partition by sold.order_id
            order by sold.order_item_id asc nulls last
            rows between unbounded preceding and current row
        ) as goods_to_here

    from sold
    inner join orders on sold.order_id = orders.order_id

),

discounted as (

    select
        running.*,
        {{ share_to_here('total_discount', 'goods_to_here', 'goods_total', 'place = line_count') }}
            as discount_to_here

    from running

),

in_base_currency as (

    select
        discounted.*,
        {{ in_base_currency('postage_cost', 'conversion_rate') }} as postage_amount,
        {{ in_base_currency('discount_to_here', 'conversion_rate') }} as discount_amount_to_here,
        {{ in_base_currency('postage_cost + goods_to_here - discount_to_here', 'conversion_rate') }}
            as amount_to_here

    from discounted

),

priced as (

    select
        in_base_currency.*,
        amount_to_here - coalesce(lag(amount_to_here) over (
            partition by order_id
            order by place asc nulls last
        ), postage_amount) as gross_amount,
        discount_amount_to_here - coalesce(lag(discount_amount_to_here) over (
            partition by order_id
            order by place asc nulls last
        ), 0) as discount_amount,
        {{ in_base_currency('tax', 'conversion_rate') }} as tax_amount

    from in_base_currency

),

open_components as (

    {{ json_rows(
        'open_items',
        ['order_item_id', '_load_id'],
        'composite_sub_items',
        {
            'RowId': 'VARCHAR',
            'StockItemId': 'VARCHAR',
            'SKU': 'VARCHAR',
            'Quantity': 'BIGINT',
            'PartShippedQty': 'BIGINT',
            'UnitCost': 'DOUBLE',
            'DespatchStockUnitCost': 'DOUBLE',
        }
    ) }}

),

components as (

    select
        true as is_processed,
        kit_order_item_id,
        order_item_id,
        stock_item_id,
        sku,
        quantity,
        part_shipped_quantity,
        unit_cost,
        despatch_unit_cost,
        _load_id

    from processed_components

    union all

    select
        false as is_processed,
        order_item_id as kit_order_item_id,
        RowId as order_item_id,
        StockItemId as stock_item_id,
        nullif(SKU, '') as sku,
        Quantity as quantity,
        PartShippedQty as part_shipped_quantity,
        UnitCost as unit_cost,
        DespatchStockUnitCost as despatch_unit_cost,
        _load_id

    from open_components

),

-- A cost of zero is one that nobody entered.
valued as (

    select
        components.is_processed,
        components.kit_order_item_id,
        components.order_item_id,
        components.stock_item_id,
        components.sku,
        components.quantity,
        components.part_shipped_quantity,
        components.despatch_unit_cost,
        components._load_id,
        case
            when components.despatch_unit_cost > 0 then components.despatch_unit_cost
            when components.unit_cost > 0 then components.unit_cost
        end * components.quantity as stock_value,
        case when stock_items.retail_price > 0 then cast(stock_items.retail_price as double) end
            * components.quantity as retail_value

    from components
    left join stock_items on components.stock_item_id = stock_items.stock_item_id

),

kits as (

    select
        is_processed,
        kit_order_item_id,
        count(*) as component_count,
        count(stock_value) = count(*) as is_stock_value_known,
        count(retail_value) = count(*) as is_retail_value_known

    from valued
    group by is_processed, kit_order_item_id

),

weighted as (

    select
        valued.*,
        kits.component_count,
        cast(case
            when kits.is_stock_value_known then valued.stock_value
            when kits.is_retail_value_known then valued.retail_value
            else valued.quantity
        end as decimal(18, 6)) as weight

    from valued
    inner join kits
        on valued.is_processed = kits.is_processed
        and valued.kit_order_item_id = kits.kit_order_item_id

),

kit_weights as (

    select
        is_processed,
        kit_order_item_id,
        sum(weight) as kit_weight

    from weighted
    group by is_processed, kit_order_item_id

),

unpacked as (

    select
        weighted.*,
        kit_weights.kit_weight,
        row_number() over (
            partition by weighted.is_processed, weighted.kit_order_item_id
            order by weighted.order_item_id asc nulls last
        ) as component_place,
        sum(weighted.weight) over (
            partition by weighted.is_processed, weighted.kit_order_item_id
            order by weighted.order_item_id asc nulls last
            rows between unbounded preceding and current row
        ) as weight_to_here

    from weighted
    inner join kit_weights
        on weighted.is_processed = kit_weights.is_processed
        and weighted.kit_order_item_id = kit_weights.kit_order_item_id

),

shared as (

    select
        priced.order_id,
        priced.place,
        priced.order_item_id as kit_order_item_id,
        priced.stock_item_id as kit_stock_item_id,
        priced.sku as kit_sku,
        priced.quantity as kit_quantity,
        priced.is_processed,
        priced.is_cancelled,
        priced.is_service,
        unpacked.component_place,
        unpacked.order_item_id,
        unpacked.stock_item_id,
        unpacked.sku,
        unpacked.quantity,
        unpacked.part_shipped_quantity,
        unpacked.despatch_unit_cost,
        {%- for amount in ['gross_amount', 'tax_amount', 'discount_amount'] %}
        {{ share_to_here(
            'priced.' ~ amount,
            'unpacked.weight_to_here',
            'unpacked.kit_weight',
            'unpacked.component_place = unpacked.component_count'
        ) }} as {{ amount }}_to_here,
        {%- endfor %}
        greatest(priced.last_load_id, unpacked._load_id) as last_load_id

    from priced
    inner join unpacked
        on priced.is_processed = unpacked.is_processed
        and priced.order_item_id = unpacked.kit_order_item_id

),

leaves as (

    select
        priced.order_id,
        priced.place,
        1 as component_place,
        priced.order_item_id,
        priced.stock_item_id,
        priced.sku,
        cast(null as string) as kit_order_item_id,
        cast(null as string) as kit_stock_item_id,
        cast(null as string) as kit_sku,
        cast(null as bigint) as kit_quantity,
        priced.quantity,
        priced.part_shipped_quantity,
        priced.is_processed,
        priced.is_cancelled,
        priced.is_service,
        priced.gross_amount,
        priced.tax_amount,
        priced.discount_amount,
        priced.despatch_unit_cost,
        priced.last_load_id

    from priced
    left join kits
        on priced.is_processed = kits.is_processed
        and priced.order_item_id = kits.kit_order_item_id
    where kits.kit_order_item_id is null

    union all

    select
        order_id,
        place,
        component_place,
        order_item_id,
        stock_item_id,
        sku,
        kit_order_item_id,
        kit_stock_item_id,
        kit_sku,
        kit_quantity,
        quantity,
        part_shipped_quantity,
        is_processed,
        is_cancelled,
        is_service,
        {%- for amount in ['gross_amount', 'tax_amount', 'discount_amount'] %}
        {{ amount }}_to_here - coalesce(lag({{ amount }}_to_here) over (
            partition by is_processed, kit_order_item_id
            order by component_place asc nulls last
        ), 0) as {{ amount }},
        {%- endfor %}
        despatch_unit_cost,
        last_load_id

    from shared

),

final as (

    select
        'linnworks-' || leaves.order_item_id as order_line_id,
        'linnworks-' || leaves.order_id as order_id,
        'linnworks' as source,
        row_number() over (
            partition by leaves.order_id
            order by leaves.place asc nulls last, leaves.component_place asc nulls last
        ) as line_number,
        coalesce(product_keys.product_id, leaves.sku, 'linnworks-' || leaves.order_item_id)
            as product_id,
        case
            when leaves.kit_order_item_id is not null
                then coalesce(
                    kit_keys.product_id, leaves.kit_sku, 'linnworks-' || leaves.kit_order_item_id
                )
        end as kit_product_id,
        'linnworks-' || leaves.kit_order_item_id as kit_line_id,
        leaves.kit_quantity,
        leaves.quantity,
        case
            when leaves.is_cancelled then 0
            when leaves.is_processed then leaves.quantity
            else coalesce(leaves.part_shipped_quantity, 0)
        end as despatched_quantity,
        cast(leaves.gross_amount as decimal(18, 4)) as gross_amount,
        cast(leaves.tax_amount as decimal(18, 4)) as tax_amount,
        cast(leaves.gross_amount - coalesce(leaves.tax_amount, 0) as decimal(18, 4)) as net_amount,
        cast(leaves.discount_amount as decimal(18, 4)) as discount_amount,
        cast(case when leaves.despatch_unit_cost > 0 then leaves.despatch_unit_cost end
            as decimal(18, 6)) as unit_cost,
        leaves.is_service,
        leaves.last_load_id

    from leaves
    left join product_keys
        on product_keys.source = 'linnworks'
        and leaves.stock_item_id = product_keys.source_product_key
    left join product_keys as kit_keys
        on kit_keys.source = 'linnworks'
        and leaves.kit_stock_item_id = kit_keys.source_product_key

)

select * from final
