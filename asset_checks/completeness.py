"""Days and months that are missing, and stay visible until they are filled.

A load that failed a week ago is forgotten by every green run since; the rows it did not bring are
not. Here the rows are looked at: days of a feed without any, and months of big facts that wait
for somebody to ask for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from statistics import median

import dagster as dg
import duckdb

from asset_checks.base import Rule, Verdict
from asset_checks.thresholds import THRESHOLDS
from inventory_platform.assets.build_state import read_build_state, shown_months
from inventory_platform.assets.dbt_graph import DbtGraph
from inventory_platform.assets.raw import raw_key
from inventory_platform.duck import identifier
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings

LATE_DATA = "late_data"


@dataclass(frozen=True)
class Feed:
    """A table to which every day brings rows.

    Attributes:
        day: The column that says the day, or an instant of it.
        fewest_rows: A weekday with fewer rows than this, usually, may be without any.
        fewest_weeks: Over fewer other weeks than this nothing is usual.
    """

    day: str
    fewest_rows: int = THRESHOLDS.feed_fewest_rows
    fewest_weeks: int = THRESHOLDS.volume_min_weeks


# Files come every day or they do not: there one row, and one other week, say enough.
_FEEDS = {
    "inventory_db__sales_transactions": Feed("transaction_date"),
    "inventory_db__ecommerce_orders": Feed("order_date"),
    "pos_api__receipts": Feed("sold_at"),
    "shop_files__orders": Feed("order_date", fewest_rows=1, fewest_weeks=1),
    "shop_files__user_activity": Feed("happened_at", fewest_rows=1, fewest_weeks=1),
}


def rules(registry: Registry, graph: DbtGraph) -> Iterator[Rule]:
    """One rule for every daily feed, one for the big facts."""
    for relation, feed in _FEEDS.items():
        if contract := registry.contracts.get(relation):
            yield Rule(
                asset=raw_key(contract),
                name="missing_days",
                description=(
                    "No day between the first and the last is without rows, where its weekday "
                    "usually has some. Warns until the day is filled."
                ),
                evaluate=partial(check_missing_days, relation=relation, feed=feed),
            )
    for fact in sorted(graph.facts, key=lambda fact: fact.relation)[:1]:
        yield Rule(
            asset=_key(fact.relation),
            name=LATE_DATA,
            description=(
                "No row arrived for a month of the big facts that is too old to be built "
                "without being asked for. One check for all of them."
            ),
            evaluate=partial(check_late_data, settings=registry.settings),
            # Told by the models' build, also where no big fact is built.
            needs=[_key(its.rows) for its in graph.facts],
        )


def check_missing_days(con: duckdb.DuckDBPyConnection, relation: str, feed: Feed) -> Verdict:
    """List the days of a feed that brought nothing."""
    day = f"cast({identifier(feed.day)} as date)"
    counted = con.execute(
        f"select {day}, count(*) from raw.{relation} where not _is_deleted "
        f"and {identifier(feed.day)} is not null group by 1"
    ).fetchall()
    missing = missing_days(
        dict(counted), fewest_rows=feed.fewest_rows, fewest_weeks=feed.fewest_weeks
    )
    shown = ", ".join(f"{found:%a} {found}" for found in missing[: THRESHOLDS.listed])
    return Verdict(
        not missing,
        f"{len(missing)} days without rows: {shown}. Load them again from the source."
        if missing
        else f"No day of {len(counted)} is missing.",
        {"days_with_rows": len(counted), "missing_days": len(missing)},
        warn=True,
    )


def missing_days(rows: Mapping[date, int], *, fewest_rows: int, fewest_weeks: int) -> list[date]:
    """Days between the first and the last that have no rows though their weekday usually has.

    Args:
        rows: Day → rows; a day that is not named has none.
        fewest_rows: The median of the weekday's other weeks that is usual.
        fewest_weeks: How many other weeks there must be.
    """
    if not rows:
        return []
    first, last = min(rows), max(rows)
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    weekdays: dict[int, list[int]] = defaultdict(list)
    for day in days:
        weekdays[day.weekday()].append(rows.get(day, 0))
    missing = []
    for day in days:
        if rows.get(day, 0) == 0:
            others = list(weekdays[day.weekday()])
            others.remove(0)
            if len(others) >= fewest_weeks and median(others) >= fewest_rows:
                missing.append(day)
    return missing


def check_late_data(con: duckdb.DuckDBPyConnection, settings: Settings) -> Verdict:
    """List the months that wait for a backfill, with their rows."""
    del con
    late = read_build_state(settings).months.late
    if not late:
        return Verdict(True, "No month waits for a backfill.", warn=True)
    table = "\n".join(f"| {month[:7]} | {rows:,} |" for month, rows in late.items())
    return Verdict(
        False,
        f"{sum(late.values())} rows came late, for {shown_months(late)}. "
        f"Build these months: inventory backfill --from {min(late)[:7]}",
        {"months": dg.MetadataValue.md(f"| month | rows |\n| --- | ---: |\n{table}")},
        warn=True,
    )


def _key(relation: str) -> dg.AssetKey:
    return dg.AssetKey(relation.split("."))
