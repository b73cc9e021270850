with

versions as (

    select
        opportunity_id,
        sales_agent,
        product,
        account,
        deal_stage,
        engage_date,
        close_date,
        close_value,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by opportunity_id
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('crm_sales', 'sales_pipeline') }}

),

current_rows as (

    select
        ---------- ids
        opportunity_id,
        sales_agent,
        product,
        account,

        ---------- text
        {{ clean_text('deal_stage') }} as deal_stage,

        ---------- dates and instants
        engage_date,
        close_date,

        ---------- money
        close_value,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
