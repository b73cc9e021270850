with

versions as (

    select
        sales_agent,
        manager,
        regional_office,
        _load_id,
        _loaded_at,
        _is_deleted,
        row_number() over (
            partition by sales_agent
            order by _load_id desc nulls last
        ) as _newest_first

    from {{ source('crm_sales', 'sales_teams') }}

),

current_rows as (

    select
        ---------- ids
        sales_agent,

        ---------- text
        {{ clean_text('manager') }} as manager,
        {{ clean_text('regional_office') }} as regional_office,

        ---------- load
        _loaded_at,
        _load_id

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
