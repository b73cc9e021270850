{#- Big facts are replaced month by month. The run says which days are replaced, in its environment:
    from the first one on, before the second; empty is without bound, so that the first month holds
    everything earlier and the newest everything later. Without either the whole table is meant.

    The environment and not variables, because other variables make dbt parse the whole project
    anew; and asked for only when something is run, so that what is parsed does not depend on it. -#}

{#- Whether a row's date is among the days that are replaced. -#}
{% macro in_months(column) -%}
    {%- set first_day = env_var('INVENTORY_DAYS_FROM', '') if execute else '' -%}
    {%- set day_after = env_var('INVENTORY_DAYS_BEFORE', '') if execute else '' -%}
    {%- set conditions = [] -%}
    {%- if first_day -%}
        {%- do conditions.append(column ~ " >= cast('" ~ first_day ~ "' as date)") -%}
    {%- endif -%}
    {%- if day_after -%}
        {%- do conditions.append(column ~ " < cast('" ~ day_after ~ "' as date)") -%}
    {%- endif -%}
    ({{ conditions | join(' and ') or 'true' }})
{%- endmacro %}

{#- Whether a row is in no month that stays as it is. One that left such a month waits there until
    that month is built too: a row is never in two months, and what is published adds up. Asked
    after `clear_months`, when the days that are replaced are out of the table. -#}
{% macro in_no_other_month(key) -%}
    {%- if execute and is_incremental() -%}
        {{ key }} not in (select {{ key.split('.') | last }} from {{ this }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- Hook before a big fact is built: takes out the days that are built anew. -#}
{% macro clear_months(column) -%}
    {%- if execute and is_incremental() -%}
        delete from {{ this }} where {{ in_months(column) }}
    {%- endif -%}
{%- endmacro %}
