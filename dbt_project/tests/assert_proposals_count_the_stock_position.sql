-- Proposals are worked out from the facts before `fct_stock_position` is built; both must say the
-- same of a product and location, or units are ordered twice.

{{ config(meta={'dagster': {'ref': {'name': 'kpi_reorder_proposals'}}}) }}

select
    proposals.product_id,
    proposals.location_id

from {{ ref('kpi_reorder_proposals') }} as proposals
inner join {{ ref('fct_stock_position') }} as positions
    on proposals.product_id = positions.product_id
    and proposals.location_id = positions.location_id
where proposals.on_hand is null
    or proposals.on_hand <> positions.on_hand
    or proposals.reserved <> positions.reserved
    or proposals.on_order <> positions.on_order
