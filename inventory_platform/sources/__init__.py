"""How rows are read from one kind of system.

`catalog.py` says which sources exist and where, `base.py` what a reader must offer, and
each other module reads one kind of system. A reader hands out SQL relations for a DuckDB
connection; it knows no contract, no Dagster and no warehouse.
"""
