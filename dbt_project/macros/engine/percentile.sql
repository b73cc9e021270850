{#- The value below which a share of the values lies, interpolated between the two nearest; nulls
    do not count. An aggregate: `percentile('x', 0.5)` is the median. -#}
{% macro percentile(expression, share) -%}
    {{ return(adapter.dispatch('percentile')(expression, share)) }}
{%- endmacro %}

{% macro default__percentile(expression, share) -%}
    {{ unsupported_engine('percentile') }}
{%- endmacro %}

{% macro duckdb__percentile(expression, share) -%}
    quantile_cont({{ expression }}, {{ share }})
{%- endmacro %}
