"""Unusual amounts: a snapshot that shrank, a day far from its weekday's usual count."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import duckdb

from asset_checks.base import Rule, Verdict, listing
from asset_checks.thresholds import THRESHOLDS
from inventory_platform.assets.raw import raw_key
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier
from inventory_platform.registry import Registry


def rules(registry: Registry) -> Iterator[Rule]:
    """One volume rule for every table, by how it is loaded."""
    for contract in registry.contracts.values():
        if contract.is_snapshot and not contract.may_be_empty:
            yield Rule(
                asset=raw_key(contract),
                name="volume",
                description=(
                    f"A snapshot does not lose more than {THRESHOLDS.snapshot_drop:.0%} of its "
                    "rows from one load to the next."
                ),
                evaluate=partial(check_snapshot_volume, contract=contract),
                blocking=True,
            )
        elif contract.cursor and contract.by_name[contract.cursor].type in {"TIMESTAMP", "DATE"}:
            yield Rule(
                asset=raw_key(contract),
                name="volume",
                description=(
                    "The last complete day has about as many rows as the same weekday before "
                    "(median and median absolute deviation)."
                ),
                evaluate=partial(check_daily_volume, contract=contract),
            )


def check_snapshot_volume(con: duckdb.DuckDBPyConnection, contract: TableContract) -> Verdict:
    """Compare the newest snapshot's rows with the one before."""
    counts = [
        count
        for (count,) in con.execute(
            "select rows_read from ops.loads where source = ? and table_name = ? "
            "and kind = 'snapshot' order by load_id desc limit 2",
            [contract.source, contract.name],
        ).fetchall()
    ]
    if len(counts) < 2:
        return Verdict(True, "Only one snapshot so far; nothing to compare with.")
    now, before = counts
    lost = 1 - now / before if before else 0.0
    return Verdict(
        lost <= THRESHOLDS.snapshot_drop,
        f"{now} rows, {before} in the snapshot before.",
        {"rows": now, "rows_before": before, "share_lost": max(lost, 0.0)},
    )


def check_daily_volume(con: duckdb.DuckDBPyConnection, contract: TableContract) -> Verdict:
    """Compare the last complete day with the same weekday of the weeks before.

    The deviation is measured in median absolute deviations, at least as large as the square
    root of the median (counting noise) and one hundredth of it.
    """
    day = f"cast({identifier(contract.cursor or '')} as date)"
    weeks, fewest = THRESHOLDS.volume_weeks, THRESHOLDS.volume_min_weeks
    daily = (
        f"select {day} as day, count(*) as rows from raw.{contract.relation} "
        "where not _is_deleted group by 1"
    )
    found = con.execute(
        f"with daily as ({daily}), "
        "edges as (select min(day) as first_day, max(day) - 1 as last_day from daily), "
        # The newest day is still filling up; a day without rows counts as zero.
        f"days as (select last_day - 7 * cast(n as integer) as day, n from edges, "
        f"range({weeks + 1}) as weeks(n) where last_day - 7 * cast(n as integer) >= first_day), "
        "counted as (select n, days.day, coalesce(rows, 0) as rows from days left join daily "
        "using (day)), "
        "usual as (select median(rows) as center, count(*) as weeks from counted where n > 0), "
        "spread as (select median(abs(rows - center)) as mad from counted, usual where n > 0) "
        "select day, rows, center, weeks, greatest(mad, sqrt(center), center / 100, 1) as scale "
        "from counted, usual, spread where n = 0"
    ).fetchone()
    if found is None or found[3] < fewest:
        return Verdict(True, f"Fewer than {fewest} weeks of history; nothing to compare with.")
    last_day, rows, center, _, scale = found
    deviation = (rows - center) / scale
    return Verdict(
        abs(deviation) <= THRESHOLDS.volume_deviations,
        f"{rows} rows on {last_day}, usually {center:g} on that weekday.",
        {
            "day": str(last_day),
            "rows": rows,
            "usual": center,
            "deviation": deviation,
            "recent_days": listing(con, f"select * from ({daily}) order by day desc", 14),
        },
        warn=True,
    )
