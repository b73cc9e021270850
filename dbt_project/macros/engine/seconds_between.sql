{#- Whole seconds from the first to the second instant; below zero if the second comes first. -#}
{% macro seconds_between(first_instant, second_instant) -%}
    {{ return(adapter.dispatch('seconds_between')(first_instant, second_instant)) }}
{%- endmacro %}

{% macro default__seconds_between(first_instant, second_instant) -%}
    {{ unsupported_engine('seconds_between') }}
{%- endmacro %}

{% macro duckdb__seconds_between(first_instant, second_instant) -%}
    date_diff('second', {{ first_instant }}, {{ second_instant }})
{%- endmacro %}
