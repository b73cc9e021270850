{#- What every macro in this folder does for an engine that nobody has run the project on. -#}
{% macro unsupported_engine(macro_name) %}
    {{ exceptions.raise_compiler_error(
        "Macro " ~ macro_name ~ " is not written for " ~ adapter.type()
        ~ ". Add " ~ adapter.type() ~ "__" ~ macro_name ~ " beside the one for DuckDB, and run it."
    ) }}
{% endmacro %}
