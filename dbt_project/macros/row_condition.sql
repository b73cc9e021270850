{#- A text that finds the rows something was seen in: the condition that the columns have the values
    they have here, such as `product_id = 'SKU-1' and location_id = 'NTH'`. Where two relations have
    such columns, name the one that is meant. -#}
{% macro row_condition(columns, relation=none) -%}
    {%- for column in columns -%}
    {%- set value = relation ~ '.' ~ column if relation else column -%}
    '{{ '' if loop.first else ' and ' }}{{ column }} = ''' || cast({{ value }} as string) || ''''
    {{- '' if loop.last else ' || ' }}
    {%- endfor -%}
{%- endmacro %}
