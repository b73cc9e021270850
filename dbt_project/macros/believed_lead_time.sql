{#- Days from order to delivery where they can be true, else null: below zero or above two years
    they are taken for a mistake of the source. The same limit is `LONGEST_LEAD_TIME` of planning. -#}
{% macro believed_lead_time(ordered_date, delivered_date) -%}
    {%- set days = days_between(ordered_date, delivered_date) -%}
    case when {{ days }} between 0 and 730 then {{ days }} end
{%- endmacro %}
