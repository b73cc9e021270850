{#- A query of all days from the first to the last, both included, as `date_day`; the arguments are
    scalar dates. No rows where either is null. -#}
{% macro calendar_days(first_day, last_day) -%}
    {{ return(adapter.dispatch('calendar_days')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__calendar_days(first_day, last_day) -%}
    {{ unsupported_engine('calendar_days') }}
{%- endmacro %}

{% macro duckdb__calendar_days(first_day, last_day) -%}
    select cast(unnest(generate_series(
        cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval 1 day
    )) as date) as date_day
{%- endmacro %}
