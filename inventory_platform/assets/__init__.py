"""The Dagster assets: raw tables, dbt models, published marts.

These modules translate between Dagster and the rest of the platform; they hold no rules of
their own.
"""
