{#- Year, week and weekday of the ISO calendar; weeks start on Monday, weekday 1. -#}
{% macro iso_year(day) -%}
    {{ return(adapter.dispatch('iso_year')(day)) }}
{%- endmacro %}

{% macro default__iso_year(day) -%}
    {{ unsupported_engine('iso_year') }}
{%- endmacro %}

{% macro duckdb__iso_year(day) -%}
    isoyear({{ day }})
{%- endmacro %}


{% macro iso_week(day) -%}
    {{ return(adapter.dispatch('iso_week')(day)) }}
{%- endmacro %}

{% macro default__iso_week(day) -%}
    {{ unsupported_engine('iso_week') }}
{%- endmacro %}

{% macro duckdb__iso_week(day) -%}
    weekofyear({{ day }})
{%- endmacro %}


{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
    {{ unsupported_engine('iso_weekday') }}
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    isodow({{ day }})
{%- endmacro %}
