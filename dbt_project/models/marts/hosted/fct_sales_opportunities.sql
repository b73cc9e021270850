-- The pipeline spells a product otherwise than the list of products; which one it means is decided
-- by people in `opportunity_products`. Names of agents and managers stay behind.

with

deals as (

    select * from {{ ref('stg_crm_sales__sales_pipeline') }}

),

accounts as (

    select * from {{ ref('stg_crm_sales__accounts') }}

),

products as (

    select * from {{ ref('stg_crm_sales__products') }}

),

sales_teams as (

    select * from {{ ref('stg_crm_sales__sales_teams') }}

),

opportunity_products as (

    select * from {{ ref('opportunity_products') }}

),

final as (

    select
        cast(deals.opportunity_id as string) as opportunity_id,
        cast(deals.deal_stage as string) as deal_stage,
        cast(deals.deal_stage in ('Won', 'Lost') as boolean) as is_closed,
        cast(deals.deal_stage = 'Won' as boolean) as is_won,
        cast(coalesce(opportunity_products.product_name, deals.product) as string) as product_name,
        cast(products.series as string) as product_series,
        cast(products.sales_price as decimal(18, 2)) as retail_price,
        cast(deals.account as string) as company_name,
        cast(accounts.sector as string) as account_sector,
        cast(accounts.office_location as string) as account_country,
        cast(sales_teams.regional_office as string) as regional_office,
        cast(deals.engage_date as date) as engage_date,
        cast(deals.close_date as date) as close_date,
        cast({{ days_between('deals.engage_date', 'deals.close_date') }} as bigint)
            as days_to_close,
        cast(deals.close_value as decimal(18, 2)) as close_value

    from deals
    left join opportunity_products on deals.product = opportunity_products.source_product
    left join products
        on coalesce(opportunity_products.product_name, deals.product) = products.product
    left join accounts on deals.account = accounts.account
    left join sales_teams on deals.sales_agent = sales_teams.sales_agent

)

select * from final
