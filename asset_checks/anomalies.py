"""What looked wrong in the last days, one check for each subject of the anomalies' mart.

Here: how recent anomalies are counted and shown on the graph. What an anomaly is belongs to the
models in `dbt_project/models/transformed/anomalies`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import dagster as dg
import duckdb

from asset_checks.base import Rule, Verdict, listing
from asset_checks.thresholds import THRESHOLDS

_ANOMALIES = dg.AssetKey(["marts", "fct_anomalies"])
_DAYS = dg.AssetKey(["transformed", "business_days"])

_SUBJECTS = {
    "volume": "orders and units of each channel are what they usually are on that weekday",
    "stock": (
        "no stock is below zero, no movement is out of all proportion, no item is corrected again "
        "and again, and what is on hand still sells"
    ),
    "price": "no price, ours or a competitor's, changed by more than half",
    "cost": "no supplier's cost jumped",
}


def rules() -> Iterator[Rule]:
    """One rule for each subject; anomalies are for people to look at, so they warn."""
    for subject, what in _SUBJECTS.items():
        yield Rule(
            asset=_ANOMALIES,
            name=f"{subject}_anomalies",
            description=f"In the last {THRESHOLDS.anomaly_days} days of business, {what}.",
            evaluate=partial(check_recent_anomalies, subject=subject),
            needs=[_DAYS],
        )


def check_recent_anomalies(con: duckdb.DuckDBPyConnection, subject: str) -> Verdict:
    """Count a subject's anomalies of the last days and list them, the gravest first.

    Args:
        con: The warehouse.
        subject: volume, stock, price or cost.
    """
    recent = (
        "select detected_for_date, severity, rule, reason, linked_table, linked_rows "
        f"from marts.fct_anomalies where subject = '{subject}' and detected_for_date > "
        f"(select max(date_day) - {THRESHOLDS.anomaly_days} from transformed.business_days)"
    )
    by_rule = con.execute(
        f"select rule, count(*) from ({recent}) group by rule order by count(*) desc, rule"
    ).fetchall()
    found = sum(count for _, count in by_rule)
    if not found:
        return Verdict(True, f"None in the last {THRESHOLDS.anomaly_days} days.", {"found": 0})
    gravest_first = (
        f"{recent} order by case severity when 'high' then 1 when 'medium' then 2 else 3 end, "
        "detected_for_date desc, rule, linked_rows"
    )
    return Verdict(
        found <= THRESHOLDS.anomalies,
        f"{found} in the last {THRESHOLDS.anomaly_days} days: "
        + ", ".join(f"{count} {rule}" for rule, count in by_rule)
        + ".",
        {"found": found, "anomalies": listing(con, gravest_first)},
        warn=True,
    )
