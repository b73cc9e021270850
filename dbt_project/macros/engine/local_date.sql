{#- The calendar day of a UTC instant in a time zone; daylight saving time included. The zone is a
    text expression with an IANA name; where it is null, days are those of UTC. -#}
{% macro local_date(instant, time_zone) -%}
    {{ return(adapter.dispatch('local_date')(instant, time_zone)) }}
{%- endmacro %}

{% macro default__local_date(instant, time_zone) -%}
    {{ unsupported_engine('local_date') }}
{%- endmacro %}

{% macro duckdb__local_date(instant, time_zone) -%}
    cast(timezone(coalesce({{ time_zone }}, 'UTC'), timezone('UTC', cast({{ instant }} as timestamp))) as date)
{%- endmacro %}
