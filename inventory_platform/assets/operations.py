"""The published history of operations on the graph.

Nothing on the graph makes it: it is recorded after every run, also after one that failed
(`operations/history/`), and reported to Dagster then.
"""

from __future__ import annotations

import dagster as dg

OPERATIONS = dg.AssetKey(["published", "operations"])


def operations_asset() -> dg.AssetSpec:
    """The history of operations, as an asset that is reported from outside of runs."""
    return dg.AssetSpec(
        key=OPERATIONS,
        group_name="operations",
        kinds={"parquet"},
        owners=["team:inventory"],
        description=(
            "Runs, steps, checks, loads, freshness, sizes, quality scores and rejected rows as "
            "Parquet files below `published/operations/current`, apart from the marts: recorded "
            "after every run, also after one that failed."
        ),
    )
