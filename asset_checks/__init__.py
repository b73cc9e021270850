"""Data-quality rules that dbt cannot say, by concern; every result shows on the lineage graph.

`contracts.py` holds what a contract promises, `completeness.py` that no day is missing,
`reconciliation.py` that nothing was lost between layers, `references.py` orphans, `volume.py`
unusual amounts, `stock.py` that stock adds up, `anomalies.py` what the anomalies' mart found
lately. `thresholds.py` holds every limit. `base.py` says what a rule is, `assemble.py` turns all
of them into Dagster checks. Facts about single columns of models belong to dbt's tests.
"""

from asset_checks.assemble import build_asset_checks

__all__ = ["build_asset_checks"]
