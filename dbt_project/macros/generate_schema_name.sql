{#- A model's schema is its layer, whatever the target: staging, transformed, marts, reference. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
