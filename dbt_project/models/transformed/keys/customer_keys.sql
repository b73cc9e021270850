-- By declared keys only: nobody is taken for somebody else because of a name or an address. A loyalty
-- card is a key, but it names a person, so its fingerprint stands for it.

with

inventory_customers as (

    select * from {{ ref('stg_inventory_db__customers') }}

),

receipts as (

    select * from {{ ref('stg_pos_api__receipts') }}

),

wholesale as (

    select * from {{ ref('stg_shop_files__orders') }}

),

northwind_customers as (

    select * from {{ ref('stg_northwind__customers') }}

),

model_cars_customers as (

    select * from {{ ref('stg_model_cars__customers') }}

),

customer_mappings as (

    select * from {{ ref('customer_mappings') }}

),

declared as (

    select
        'inventory_db' as source,
        cast(customer_id as string) as source_customer_key

    from inventory_customers

    union all

    select distinct
        'pos_api' as source,
        {{ surrogate_key(['loyalty_card']) }} as source_customer_key

    from receipts
    where loyalty_card is not null

    union all

    select distinct
        'shop_files' as source,
        customer as source_customer_key

    from wholesale

    union all

    select
        'northwind' as source,
        customer_id as source_customer_key

    from northwind_customers

    union all

    select
        'model_cars' as source,
        cast(customer_number as string) as source_customer_key

    from model_cars_customers

),

final as (

    select
        declared.source,
        declared.source_customer_key,
        coalesce(
            customer_mappings.customer_id,
            declared.source || '-' || declared.source_customer_key
        ) as customer_id,
        case when customer_mappings.customer_id is not null then 'reviewed' else 'own' end
            as match_rule

    from declared
    left join customer_mappings
        on declared.source = customer_mappings.source
        and declared.source_customer_key = customer_mappings.source_key

)

select * from final
