"""Bringing the history up to date and publishing it, whoever asks: a command or a sensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from inventory_platform import duck
from inventory_platform.assets.operations import OPERATIONS
from inventory_platform.code_version import code_version
from inventory_platform.duck import identifier
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_quarantine_view
from inventory_platform.object_storage import StoragePath
from inventory_platform.operations.alerts.config import read_config
from inventory_platform.operations.alerts.redaction import redactor
from inventory_platform.operations.freshness import freshness
from inventory_platform.operations.history import ledger
from inventory_platform.operations.history.dagster_log import changed_runs, naive, read_run
from inventory_platform.operations.history.published import read_published
from inventory_platform.operations.history.scores import create_scores
from inventory_platform.operations.history.sizes import measure
from inventory_platform.operations.history.store import Store, by_day
from inventory_platform.operations.history.tables import (
    FRESHNESS,
    KEPT,
    PUBLISHED,
    QUARANTINED_ROWS,
)
from inventory_platform.publishing.parquet import Publication, current_link, publish
from inventory_platform.registry import Registry

_REFRESHED_EVERY = timedelta(hours=1)
_RUNS_AT_A_TIME = 50
_LOCK = "operations"


def has_news(registry: Registry, instance: dg.DagsterInstance) -> bool:
    """Whether a run changed since the history was published, or that is long ago."""
    published = read_published(registry.settings)
    if published is None or _now() - published.published_at > _REFRESHED_EVERY:
        return True
    runs = published.table("runs").select("run_id", "updated_at").collect()
    known = dict(runs.iter_rows())
    return any(changed_runs(instance, known, published.published_at))


def record_history(
    registry: Registry, instance: dg.DagsterInstance, specs: Iterable[dg.AssetSpec]
) -> Publication:
    """Collect what happened since the last time, publish it, and tell Dagster.

    Args:
        registry: The tables, and where everything is.
        instance: Where Dagster keeps its runs.
        specs: Every asset, for groups and freshness policies.

    Raises:
        InventoryError: Another process records and does not end, or a file cannot be written.
    """
    settings = registry.settings
    specs = list(specs)
    lake = Lake.of(settings, absolute=True).as_of_now()
    what, patience = "The history of operations", settings.lock_timeout_seconds
    with lake.lock_named(_LOCK, what, patience), duck.connect(settings) as con:
        now = _now()
        first_day = now.date() - timedelta(days=settings.operations_days)
        store = Store(settings.lake_dir / "operations")
        store.forget_before(first_day)
        con.execute("create schema ops")
        _collect_runs(store, con, registry, instance, specs, first_day)
        _collect_loads(store, con, registry, lake, first_day)
        _collect_sizes(store, con, registry, instance, now)
        _create_tables(store, con, registry, lake, instance, specs, now)
        publication = publish(
            settings.operations_dir,
            con,
            schema="ops",
            keep=settings.published_versions,
            marts=PUBLISHED,
            run_id="",
            code_version=code_version(),
            loads={},
            inputs="",
        )
    _tell(instance, settings.operations_dir, publication)
    return publication


def _collect_runs(
    store: Store,
    con: duckdb.DuckDBPyConnection,
    registry: Registry,
    instance: dg.DagsterInstance,
    specs: Sequence[dg.AssetSpec],
    first_day: date,
) -> None:
    store.load(con, "runs")
    known = dict(con.execute("select run_id, updated_at from ops.runs").fetchall())
    group_of = {s.key.to_user_string(): s.group_name or "default" for s in specs}
    not_before = datetime.combine(first_day, datetime.min.time())
    hide = redactor(registry.settings, read_config(registry.settings))
    changed = [
        record
        for record in changed_runs(instance, known, not_before)
        if naive(record.create_timestamp).date() >= first_day
    ]
    for start in range(0, len(changed), _RUNS_AT_A_TIME):
        some = changed[start : start + _RUNS_AT_A_TIME]
        runs = [read_run(instance, record, group_of, hide) for record in some]
        for day, found in by_day((run.day, run) for run in runs):
            ids = ("run_id", [run.run["run_id"] for run in found])
            for table, rows in {
                "steps": [row for run in found for row in run.steps.values()],
                "materializations": [row for run in found for row in run.materializations],
                "checks": [row for run in found for row in run.checks],
                # Last, since it is what says that the others are collected.
                "runs": [run.run for run in found],
            }.items():
                store.put(table, day, rows, replacing=ids)


def _collect_loads(
    store: Store,
    con: duckdb.DuckDBPyConnection,
    registry: Registry,
    lake: Lake,
    first_day: date,
) -> None:
    store.load(con, "load_history")
    newest = {
        (source, table): load_id
        for source, table, load_id in con.execute(
            "select source, table_name, max(load_id) from ops.load_history group by all"
        ).fetchall()
    }
    found = ledger.new_loads(lake, list(registry.relations.values()), newest, first_day)
    for day, rows in by_day(found):
        store.put("load_history", day, rows, replacing=("load_id", []))


def _collect_sizes(
    store: Store,
    con: duckdb.DuckDBPyConnection,
    registry: Registry,
    instance: dg.DagsterInstance,
    now: datetime,
) -> None:
    """Measure, and keep the newest measurement of each hour."""
    home = Path(instance.root_directory)
    hour = now.replace(minute=0, second=0, microsecond=0)
    store.load(con, "sizes")
    same_hour = con.execute(
        "select distinct measured_at from ops.sizes where measured_at >= ?", [hour]
    ).fetchall()
    measured = measure(registry.settings, home, now)
    store.put("sizes", now.date(), measured, replacing=("measured_at", [at for (at,) in same_hour]))


def _create_tables(
    store: Store,
    con: duckdb.DuckDBPyConnection,
    registry: Registry,
    lake: Lake,
    instance: dg.DagsterInstance,
    specs: Sequence[dg.AssetSpec],
    now: datetime,
) -> None:
    """Make every table to publish, in schema `ops` of a connection without a file."""
    for table in KEPT:
        store.load(con, table)
    create_quarantine_view(con, lake, registry.relations.values())
    _insert(con, "freshness", FRESHNESS, _freshness_rows(instance, specs, now))
    rejects = ledger.newest_rejects(con, registry.relations)
    _insert(con, "quarantined_rows", QUARANTINED_ROWS, rejects)
    con.execute(
        "create view ops.rejects as select source, table_name, load_id, reason_code "
        "from ops.quarantine"
    )
    create_scores(con, now)


def _freshness_rows(
    instance: dg.DagsterInstance, specs: Sequence[dg.AssetSpec], now: datetime
) -> list[dict[str, Any]]:
    group_of = {s.key.to_user_string(): s.group_name or "default" for s in specs}
    return [
        {
            "asset": found.asset,
            "asset_group": group_of[found.asset],
            "last_updated_at": found.last_updated_at,
            "age_hours": (now - found.last_updated_at).total_seconds() / 3600
            if found.last_updated_at
            else None,
            "fresh_within_hours": found.fresh_within.total_seconds() / 3600,
            "state": found.state,
        }
        for found in freshness(instance, specs, now)
    ]


def _insert(
    con: duckdb.DuckDBPyConnection,
    table: str,
    types: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in types.items())
    con.execute(f"create table ops.{identifier(table)} ({columns})")
    if rows:
        frame = pl.DataFrame(rows, infer_schema_length=None)
        con.register("given", frame)
        con.execute(f"insert into ops.{identifier(table)} by name from given")
        con.unregister("given")


def _tell(instance: dg.DagsterInstance, root: StoragePath, publication: Publication) -> None:
    table = "\n".join(f"| {name} | {rows:,} |" for name, rows in publication.rows.items())
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key=OPERATIONS,
            metadata={
                "dagster/row_count": sum(publication.rows.values()),
                "dagster/uri": str(current_link(root)),
                "version": publication.version,
                "tables": dg.MetadataValue.md(f"| table | rows |\n| --- | ---: |\n{table}"),
            },
        )
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
