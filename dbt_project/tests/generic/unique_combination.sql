{#- No two rows share the values of the columns together. -#}
{% test unique_combination(model, columns) %}

{%- set quoted = [] -%}
{%- for column in columns -%}
    {%- do quoted.append(adapter.quote(column)) -%}
{%- endfor %}

select
    {{ quoted | join(', ') }},
    count(*) as row_count

from {{ model }}
group by {{ quoted | join(', ') }}
having count(*) > 1

{% endtest %}
