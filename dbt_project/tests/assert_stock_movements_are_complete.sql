-- The fact is built month by month, the view is always as it is now. In the months built just now both
-- say the same, but for a movement that left another month and waits there; what other months lack is
-- told by the check late_data. Whose goods they are, all months say as it is now, or the stock of one
-- product would go on as two.

{{ config(meta={'dagster': {'ref': {'name': 'fct_stock_movements'}}}) }}

with

published as (

    select
        movement_id,
        product_id,
        location_id,
        movement_date,
        quantity_change

    from {{ ref('fct_stock_movements') }}

),

known as (

    select
        movement_id,
        product_id,
        location_id,
        movement_date,
        quantity_change

    from {{ ref('stock_movements') }}

)

select
    coalesce(published.movement_id, known.movement_id) as movement_id,
    published.movement_date as published_date,
    known.movement_date,
    published.quantity_change as published_quantity_change,
    known.quantity_change

from published
full join known on published.movement_id = known.movement_id
where (
        {{ in_months('coalesce(published.movement_date, known.movement_date)') }}
        and (
            published.product_id is distinct from known.product_id
            or published.location_id is distinct from known.location_id
            or published.movement_date is distinct from known.movement_date
            or published.quantity_change is distinct from known.quantity_change
        )
    )
    or (
        published.movement_id = known.movement_id
        and (
            published.product_id is distinct from known.product_id
            or published.location_id is distinct from known.location_id
        )
    )
