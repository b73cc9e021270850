-- Linnworks lists goods that came back and money that was paid back apart. The first return of an
-- item of an order belongs to the first refund of it, the second to the second; what is left alone
-- is goods without money or money without goods. Money counts once the refund is actioned. Refunds
-- of cancelled orders are left out: what was never sold cannot be returned. A kit comes back as its
-- components, as it was sold.

with

rows_about_orders as (

    select * from {{ ref('stg_linnworks__returns_refunds') }}

),

orders as (

    select * from {{ ref('orders__linnworks') }}

),

order_lines as (

    select * from {{ ref('order_lines__linnworks') }}

),

stock_items as (

    select * from {{ ref('stg_linnworks__stock_items') }}

),

product_keys as (

    select * from {{ ref('product_keys') }}

),

location_keys as (

    select * from {{ ref('location_keys') }}

),

locations as (

    select * from {{ ref('locations') }}

),

numbered as (

    select
        order_id,
        return_id <> 0 as is_goods,
        lower(row_type) as row_type,
        return_id,
        refund_row_id,
        returned_item_id,
        sku,
        coalesce(returned_quantity, 0) as quantity,
        coalesce(exchanged_quantity, 0) as exchanged_quantity,
        return_location_id,
        returned_at,
        booked_at,
        actioned_at,
        case when actioned_at is not null then coalesce(amount, 0) else 0 end as amount,
        case when amount <> 0 then actioned_at end as refunded_at,
        reason,
        _load_id,
        row_number() over (
            partition by order_id, sku, return_id <> 0
            order by booked_at asc nulls last, return_id asc nulls last,
                refund_row_id asc nulls last, returned_item_id asc nulls last
        ) as place

    from rows_about_orders
    where lower(row_type) <> 'cancellation'

),

goods as (

    select * from numbered where is_goods

),

refunds as (

    select * from numbered where not is_goods

),

paired as (

    select
        coalesce(goods.order_id, refunds.order_id) as order_id,
        coalesce(goods.sku, refunds.sku) as sku,
        case
            when goods.order_id is null then 'refund-' || refunds.refund_row_id
            when goods.returned_item_id = '00000000-0000-0000-0000-000000000000'
                then 'return-' || cast(goods.return_id as string)
            else 'return-' || cast(goods.return_id as string) || '-' || goods.returned_item_id
        end as return_key,
        case
            when goods.order_id is null then 'refund'
            when goods.row_type in ('exchange', 'resend') then goods.row_type
            when goods.exchanged_quantity > 0 then 'exchange'
            else 'return'
        end as return_type,
        coalesce(goods.quantity, 0) as quantity,
        goods.return_location_id,
        coalesce(goods.returned_at, goods.booked_at, refunds.actioned_at, refunds.booked_at)
            as returned_at,
        greatest(goods.refunded_at, refunds.refunded_at) as refunded_at,
        coalesce(goods.amount, 0) + coalesce(refunds.amount, 0) as amount,
        coalesce(goods.reason, refunds.reason) as reason,
        greatest(goods._load_id, refunds._load_id) as last_load_id

    from goods
    full outer join refunds
        on goods.order_id = refunds.order_id
        and goods.sku is not distinct from refunds.sku
        and goods.place = refunds.place

),

identified as (

    select
        paired.return_key,
        paired.return_type,
        'linnworks-' || paired.order_id as order_id,
        coalesce(product_keys.product_id, paired.sku) as product_id,
        paired.quantity,
        coalesce(location_keys.location_id, 'linnworks-' || paired.return_location_id)
            as location_id,
        paired.returned_at,
        paired.refunded_at,
        {{ in_base_currency('paired.amount', 'orders.conversion_rate') }} as refund_amount,
        paired.reason,
        orders.customer_id,
        orders.source_channel,
        orders.country,
        coalesce(location_keys.location_id, orders.location_id) as clock_location_id,
        greatest(paired.last_load_id, orders.last_load_id) as last_load_id

    from paired
    left join orders on 'linnworks-' || paired.order_id = orders.order_id
    left join stock_items on paired.sku = stock_items.sku
    left join product_keys
        on product_keys.source = 'linnworks'
        and stock_items.stock_item_id = product_keys.source_product_key
    left join location_keys
        on location_keys.source = 'linnworks'
        and paired.return_location_id = location_keys.source_location_key

),

-- What was sold under one product of an order, kits under their own: the first line of several.
sold_lines as (

    select
        order_id,
        coalesce(kit_line_id, order_line_id) as sold_line_id,
        coalesce(kit_product_id, product_id) as sold_product_id,
        max(kit_quantity) as kit_quantity,
        count(*) as leaf_count,
        sum(gross_amount) as gross_amount,
        min(line_number) as line_number

    from order_lines
    group by
        order_id,
        coalesce(kit_line_id, order_line_id),
        coalesce(kit_product_id, product_id)

),

first_sold_lines as (

    select
        sold_lines.*,
        row_number() over (
            partition by order_id, sold_product_id
            order by line_number asc nulls last
        ) as sold_place

    from sold_lines

),

leaf_lines as (

    select
        order_lines.order_id,
        order_lines.order_line_id,
        order_lines.product_id,
        order_lines.kit_line_id,
        order_lines.quantity,
        first_sold_lines.sold_product_id,
        first_sold_lines.kit_quantity,
        first_sold_lines.gross_amount as sold_amount,
        order_lines.line_number - first_sold_lines.line_number + 1 = first_sold_lines.leaf_count
            as is_last,
        sum(order_lines.gross_amount) over (
            partition by first_sold_lines.sold_line_id
            order by order_lines.line_number asc nulls last
            rows between unbounded preceding and current row
        ) as amount_to_here,
        row_number() over (
            partition by first_sold_lines.sold_line_id
            order by order_lines.line_number asc nulls last
        ) as leaf_place

    from order_lines
    inner join first_sold_lines
        on coalesce(order_lines.kit_line_id, order_lines.order_line_id)
            = first_sold_lines.sold_line_id
        and first_sold_lines.sold_place = 1

),

unpacked as (

    select
        identified.*,
        leaf_lines.order_line_id,
        leaf_lines.kit_line_id,
        leaf_lines.product_id as leaf_product_id,
        leaf_lines.quantity as leaf_quantity,
        leaf_lines.kit_quantity,
        coalesce(leaf_lines.leaf_place, 1) as leaf_place,
        {{ share_to_here(
            'identified.refund_amount',
            'leaf_lines.amount_to_here',
            'leaf_lines.sold_amount',
            'coalesce(leaf_lines.is_last, true)'
        ) }} as refund_to_here

    from identified
    left join leaf_lines
        on identified.order_id = leaf_lines.order_id
        and identified.product_id = leaf_lines.sold_product_id

),

final as (

    select
        case
            when unpacked.kit_line_id is null then 'linnworks-' || unpacked.return_key
            else 'linnworks-' || unpacked.return_key || '-' || cast(unpacked.leaf_place as string)
        end as return_id,
        'linnworks' as source,
        unpacked.source_channel,
        unpacked.order_id,
        unpacked.order_line_id,
        coalesce(unpacked.leaf_product_id, unpacked.product_id) as product_id,
        unpacked.customer_id,
        unpacked.location_id,
        unpacked.country,
        unpacked.returned_at,
        {{ local_date('unpacked.returned_at', 'locations.time_zone') }} as return_date,
        unpacked.refunded_at,
        {{ local_date('unpacked.refunded_at', 'locations.time_zone') }} as refund_date,
        unpacked.return_type,
        cast(case
            when unpacked.kit_quantity > 0
                then unpacked.quantity * unpacked.leaf_quantity / unpacked.kit_quantity
            else unpacked.quantity
        end as bigint) as quantity,
        cast(unpacked.refund_to_here - coalesce(lag(unpacked.refund_to_here) over (
            partition by unpacked.return_key
            order by unpacked.leaf_place asc nulls last
        ), 0) as decimal(18, 4)) as refund_amount,
        cast(null as decimal(18, 4)) as refund_tax_amount,
        unpacked.reason,
        unpacked.last_load_id

    from unpacked
    left join locations on unpacked.clock_location_id = locations.location_id

)

select * from final
