{#- The objects of a JSON array in a text column, one row each, with the columns named in `keep`
    beside them. `fields` says the type of every field that is wanted: {'name in the JSON': 'type'};
    a column is called like its field. Rows without an array, or with an empty one, give nothing. -#}
{% macro json_rows(relation, keep, text, fields) -%}
    {{ return(adapter.dispatch('json_rows')(relation, keep, text, fields)) }}
{%- endmacro %}

{% macro default__json_rows(relation, keep, text, fields) -%}
    {{ unsupported_engine('json_rows') }}
{%- endmacro %}

{% macro duckdb__json_rows(relation, keep, text, fields) -%}
    select
        {{ keep | join(',\n        ') }},
        {% for name in fields -%}
        element.{{ name }} as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from (
        select
            {{ keep | join(',\n            ') }},
            unnest(from_json(
                {{ text }},
                '[{ {%- for name, type in fields.items() %}"{{ name }}":"{{ type }}"{{ ',' if not loop.last }}{% endfor -%} }]'
            )) as element

        from {{ relation }}
    )
{%- endmacro %}
