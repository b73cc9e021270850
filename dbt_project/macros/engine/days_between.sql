{#- Calendar days from the first to the second date, as a whole number. -#}
{% macro days_between(first_day, second_day) -%}
    {{ return(adapter.dispatch('days_between')(first_day, second_day)) }}
{%- endmacro %}

{% macro default__days_between(first_day, second_day) -%}
    {{ unsupported_engine('days_between') }}
{%- endmacro %}

{% macro duckdb__days_between(first_day, second_day) -%}
    date_diff('day', cast({{ first_day }} as date), cast({{ second_day }} as date))
{%- endmacro %}
