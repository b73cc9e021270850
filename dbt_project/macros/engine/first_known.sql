{#- Of the values in a group, the first that is not null, by a column that orders them. -#}
{% macro first_known(value, precedence) -%}
    {{ return(adapter.dispatch('first_known')(value, precedence)) }}
{%- endmacro %}

{% macro default__first_known(value, precedence) -%}
    {{ unsupported_engine('first_known') }}
{%- endmacro %}

{% macro duckdb__first_known(value, precedence) -%}
    min_by({{ value }}, {{ precedence }}) filter (where {{ value }} is not null)
{%- endmacro %}
