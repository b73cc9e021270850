{#- The columns together identify a row: none of them is empty, and no two rows share them. -#}
{% test primary_key(model, columns) %}

{%- set quoted = [] -%}
{%- set empty = [] -%}
{%- for column in columns -%}
    {%- do quoted.append(adapter.quote(column)) -%}
    {%- do empty.append(adapter.quote(column) ~ ' is null') -%}
{%- endfor %}

select
    {{ quoted | join(', ') }},
    count(*) as row_count

from {{ model }}
group by {{ quoted | join(', ') }}
having count(*) > 1 or {{ empty | join(' or ') }}

{% endtest %}
