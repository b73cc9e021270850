with

versions as (

    select
        page_url,
        product_url,
        seen_at,
        shop,
        page_kind,
        listing_position,
        sku,
        gtin,
        name,
        brand,
        price_text,
        price,
        highest_price,
        price_problem,
        currency,
        availability,
        availability_text,
        method,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by page_url, product_url, seen_at
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('competitor_shop', 'products') }}

),

current_rows as (

    select
        ---------- ids
        page_url,
        product_url,
        seen_at,

        ---------- text
        {{ clean_text('shop') }} as shop,
        {{ clean_text('page_kind') }} as page_kind,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('gtin') }} as gtin,
        {{ clean_text('name') }} as name,
        {{ clean_text('brand') }} as brand,
        {{ clean_text('price_text') }} as price_text,
        {{ clean_text('price_problem') }} as price_problem,
        {{ clean_text('currency') }} as currency,
        {{ clean_text('availability') }} as availability,
        {{ clean_text('availability_text') }} as availability_text,
        {{ clean_text('method') }} as method,

        ---------- numerics
        listing_position,

        ---------- money
        price,
        highest_price,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
