{#- A text that is the same for the same values and differs for different ones. Every value is
    written with its length, so ('a', 'bc') and ('ab', 'c'), null and '' all stay apart. -#}
{% macro surrogate_key(expressions) -%}
    {{ return(adapter.dispatch('surrogate_key')(expressions)) }}
{%- endmacro %}

{% macro default__surrogate_key(expressions) -%}
    {{ unsupported_engine('surrogate_key') }}
{%- endmacro %}

{% macro duckdb__surrogate_key(expressions) -%}
    md5(concat(
        {%- for expression in expressions %}
        {%- set text = 'cast(' ~ expression ~ ' as varchar)' %}
        coalesce(length({{ text }}) || ':' || {{ text }}, '-'){{ ',' if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}
