{#- An amount in the base currency, exact to the ten-thousandth: both sides are decimals before they
    are multiplied, so that what adds up in one currency adds up in the other. -#}
{% macro in_base_currency(amount, conversion_rate) -%}
    cast(round(
        cast({{ amount }} as decimal(28, 6)) * cast({{ conversion_rate }} as decimal(18, 9)), 4
    ) as decimal(18, 4))
{%- endmacro %}

{#- How much of an amount the parts up to this one get, by weight; the last one completes it. A part
    gets this minus what the parts before it got, so that parts always sum up to the amount. -#}
{% macro share_to_here(amount, weight_to_here, weight, is_last) -%}
    cast(case
        when {{ is_last }} then {{ amount }}
        when {{ weight }} = 0 then 0
        else round(
            cast({{ amount }} as double) * cast({{ weight_to_here }} as double)
                / cast({{ weight }} as double),
            4
        )
    end as decimal(18, 4))
{%- endmacro %}
