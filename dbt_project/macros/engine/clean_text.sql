{#- Text without white space around it; null where nothing is left. -#}
{% macro clean_text(text) -%}
    {{ return(adapter.dispatch('clean_text')(text)) }}
{%- endmacro %}

{% macro default__clean_text(text) -%}
    {{ unsupported_engine('clean_text') }}
{%- endmacro %}

{% macro duckdb__clean_text(text) -%}
    nullif(trim({{ text }}, ' ' || chr(9) || chr(10) || chr(13) || chr(160)), '')
{%- endmacro %}
