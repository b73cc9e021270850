{#- Rows of the months that are being built; all of them when no months are named. -#}
{% macro in_months(column) -%}
    {%- set first, last = var('first_month', none), var('last_month', none) -%}
    {%- if not is_incremental() or last is none -%}
    true
    {%- else -%}
    {{ column }} < cast('{{ last }}' as date) + interval '1' month
    {%- if first is not none %} and {{ column }} >= cast('{{ first }}' as date){% endif -%}
    {%- endif -%}
{%- endmacro %}

{#- Remove the months that are being built from a table, so that building them again adds nothing. -#}
{% macro clear_months(column) -%}
    {% if is_incremental() %}delete from {{ this }} where {{ in_months(column) }}{% endif %}
{%- endmacro %}
