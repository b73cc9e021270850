"""The inventory data platform: one Dagster code location.

Nothing is imported or wired here; `definitions.py` assembles the platform and
`cli/` is the `inventory` command.
"""
