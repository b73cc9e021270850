{#- Hours from the first to the second instant, to the second; below zero if the second comes
    first. -#}
{% macro hours_between(first_instant, second_instant) -%}
    24e0 * {{ days_between(first_instant, second_instant) }}
    {%- for part, per_hour in [('hour', '1'), ('minute', '60e0'), ('second', '3600e0')] %}
    + (
        extract({{ part }} from {{ second_instant }})
        - extract({{ part }} from {{ first_instant }})
    ) / {{ per_hour }}
    {%- endfor %}
{%- endmacro %}
