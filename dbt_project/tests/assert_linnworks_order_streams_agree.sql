-- The order search and the details name the same things differently and must mean the same. They
-- are read one after the other, so an order that changed in between may differ until it is read
-- again; what differs for longer is one that Linnworks tells differently.

{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_linnworks__processed_orders'}}}) }}

{% set texts = [
    'order_number',
    'status_code',
    'is_cancelled',
    'received_at',
    'processed_at',
    'paid_at',
    'channel',
    'channel_account',
    'reference_number',
    'external_reference',
    'currency',
    'country',
    'tracking_number'
] %}
{% set amounts = [
    'total_charge',
    'subtotal',
    'tax',
    'postage_cost',
    'postage_cost_ex_tax',
    'total_discount'
] %}

with

searched as (

    select * from {{ ref('stg_linnworks__processed_orders') }}

),

details as (

    select * from {{ ref('stg_linnworks__processed_order_details') }}

),

locations as (

    select * from {{ ref('stg_linnworks__stock_locations') }}

),

compared as (

    {% for name in texts -%}
    select
        searched.order_id,
        '{{ name }}' as field,
        cast(searched.{{ name }} as string) as searched_value,
        cast(details.{{ name }} as string) as detailed_value

    from searched
    inner join details on searched.order_id = details.order_id
    where searched.{{ name }} is distinct from details.{{ name }}

    union all

    {% endfor -%}
    {% for name in amounts -%}
    select
        searched.order_id,
        '{{ name }}' as field,
        cast(searched.{{ name }} as string) as searched_value,
        cast(details.{{ name }} as string) as detailed_value

    from searched
    inner join details on searched.order_id = details.order_id
    where abs(coalesce(searched.{{ name }}, 0) - coalesce(details.{{ name }}, 0)) > 0.005

    union all

    {% endfor -%}
    -- One names the location, the other its key.
    select
        searched.order_id,
        'fulfilment_location' as field,
        searched.fulfilment_location as searched_value,
        locations.location_name as detailed_value

    from searched
    inner join details on searched.order_id = details.order_id
    left join locations on details.fulfilment_location_id = locations.stock_location_id
    where searched.fulfilment_location is distinct from locations.location_name

)

select
    order_id,
    field,
    searched_value,
    detailed_value

from compared
