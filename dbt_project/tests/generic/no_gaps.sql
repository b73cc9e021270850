{#- Within each group of rows with equal `group_by`, a day follows the day before: none is left out
    and none occurs twice. -#}
{% test no_gaps(model, column_name, group_by=[]) %}

with

spans as (

    select
        {%- for column in group_by %}
        {{ adapter.quote(column) }},
        {%- endfor %}
        min({{ column_name }}) as first_day,
        max({{ column_name }}) as last_day,
        count({{ column_name }}) as day_count

    from {{ model }}
    {%- if group_by %}
    group by
        {%- for column in group_by %}
        {{ adapter.quote(column) }}{{ ',' if not loop.last }}
        {%- endfor %}
    {%- endif %}

)

select *
from spans
where day_count <> {{ days_between('first_day', 'last_day') }} + 1

{% endtest %}
