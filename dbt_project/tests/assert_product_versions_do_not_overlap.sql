-- At any instant one version of a product is valid at most, and between its first and last none is
-- missing; otherwise joining a fact to the version of its day doubles or drops the fact.

{{ config(meta={'dagster': {'ref': {'name': 'dim_product_versions'}}}) }}

with

versions as (

    select
        product_id,
        version_number,
        valid_from_at,
        valid_to_at,
        lead(valid_from_at) over (
            partition by product_id
            order by version_number asc nulls first
        ) as next_valid_from_at

    from {{ ref('dim_product_versions') }}

)

select *
from versions
where valid_to_at <= valid_from_at
    or valid_to_at is distinct from next_valid_from_at
