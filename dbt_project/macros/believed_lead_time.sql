{#- Days from order to delivery, or null where they cannot be true: below zero or above two years
    they are taken for a mistake of the source. `LONGEST_LEAD_TIME` of planning is the same limit. -#}
{% macro believed_lead_time(days) -%}
    case when {{ days }} between 0 and 730 then {{ days }} end
{%- endmacro %}
