"""What each source table must look like: one module per source system.

A contract is a pandera model (`base.Contract`). Everything else that needs to know
a table (cast, quarantine reasons, asset metadata, checks, dbt sources, catalogue)
derives it from there. No reading, no SQL, no Dagster in this package.
"""
