with

competitor_matches as (

    select
        ---------- ids
        offer_id,
        product_id,

        ---------- text
        status,
        method,
        reason,

        ---------- numerics
        score

    from {{ source('planning', 'competitor_matches') }}

)

select * from competitor_matches
