"""What Prometheus is told: the state of the platform as numbers, in its text format.

Everything is worked out of the published history, Dagster's heartbeats and the disk when
somebody asks, and remembered for a few seconds. `docs/health.md` lists the metrics.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial

import polars as pl
from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from inventory_platform.errors import InventoryError
from inventory_platform.operations.health import (
    Status,
    daemon_heartbeats,
    health,
    is_beating,
    newest_checks,
    undelivered_alerts,
)
from inventory_platform.operations.history.published import Published, read_published
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings

__all__ = ["CONTENT_TYPE", "render_metrics"]

_REMEMBERED_SECONDS = 10

_RUN_STATUSES = ("success", "failure", "canceled")
_OUTCOMES = ("loaded", "quarantined", "deduplicated")
_LEVELS = {Status.ok: 0, Status.degraded: 1, Status.down: 2}


def render_metrics(settings: Settings, *, daemon_expected: bool = False) -> bytes:
    """All metrics as Prometheus reads them; a scrape within seconds of another is free.

    Args:
        settings: Where everything is.
        daemon_expected: Whether Dagster's daemon has to be running.
    """
    return _render(settings, daemon_expected, int(time.monotonic() / _REMEMBERED_SECONDS))


@lru_cache(maxsize=4)
def _render(settings: Settings, daemon_expected: bool, _moment: int) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(settings, daemon_expected))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, settings: Settings, daemon_expected: bool) -> None:
        self.settings = settings
        self.daemon_expected = daemon_expected

    def collect(self) -> Iterable[Metric]:
        now = datetime.now(UTC).replace(tzinfo=None)
        unreadable = 0
        well = partial(_health, daemon_expected=self.daemon_expected)
        for part in (well, _disk, _daemon, _publications, _history):
            try:
                yield from list(part(self.settings, now))
            except (InventoryError, OSError, ValueError, TypeError, pl.exceptions.PolarsError):
                unreadable += 1
        yield _gauge(
            "inventory_metrics_unreadable_parts",
            "Parts of these metrics that are left out because they cannot be read.",
            unreadable,
        )


def _health(settings: Settings, _: datetime, *, daemon_expected: bool) -> Iterator[Metric]:
    found = health(settings, daemon_expected=daemon_expected)
    yield _gauge("inventory_health", "0 ok, 1 degraded, 2 down.", _LEVELS[found.status])
    subjects = GaugeMetricFamily(
        "inventory_health_findings", "What is not as it should be.", labels=["subject"]
    )
    for subject in sorted({finding.subject for finding in found.findings}):
        subjects.add_metric([subject], sum(f.subject == subject for f in found.findings))
    yield subjects
    # A damaged state of the alerts is a finding already, and was put aside by that look.
    yield _gauge(
        "inventory_alerts_undelivered",
        "Alerts that wait for a channel which does not take them.",
        undelivered_alerts(settings),
    )


def _disk(settings: Settings, _: datetime) -> Iterator[Metric]:
    if settings.data_dir.exists():
        usage = shutil.disk_usage(settings.data_dir)
        yield _gauge("inventory_disk_free_bytes", "Free space where the data is.", usage.free)
        yield _gauge("inventory_disk_size_bytes", "Size of the disk with the data.", usage.total)


def _daemon(settings: Settings, now: datetime) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "inventory_daemon_up",
        "Whether a part of Dagster's daemon gives signs of life.",
        labels=["daemon"],
    )
    seen = GaugeMetricFamily(
        "inventory_daemon_heartbeat_timestamp_seconds",
        "Last sign of life of a part of Dagster's daemon.",
        labels=["daemon"],
    )
    for name, at in sorted(daemon_heartbeats(settings).items()):
        up.add_metric([name.lower()], is_beating(at, now))
        seen.add_metric([name.lower()], _unix(at))
    yield up
    yield seen


def _publications(settings: Settings, _: datetime) -> Iterator[Metric]:
    found = GaugeMetricFamily(
        "inventory_published_timestamp_seconds",
        "When the version that readers see was published.",
        labels=["publication"],
    )
    for name, root in {
        "marts": settings.published_dir,
        "live": settings.live_dir,
        "operations": settings.operations_dir,
    }.items():
        if published := current_publication(root):
            found.add_metric([name], _unix(datetime.fromisoformat(published[1].published_at)))
    yield found


def _history(settings: Settings, now: datetime) -> Iterator[Metric]:
    published = read_published(settings)
    if published is not None:
        yield from _of_version(published, now.date().isoformat())
        yield from _ages(published, now)


@lru_cache(maxsize=4)
def _of_version(published: Published, today: str) -> tuple[Metric, ...]:
    """Metrics that change only with the published version of the history, or at midnight."""
    midnight = datetime.fromisoformat(today)
    return (
        *_runs(published, midnight),
        *_rows(published, midnight),
        *_checks(published),
        *_sizes(published),
        _scores(published),
    )


def _runs(published: Published, midnight: datetime) -> Iterator[Metric]:
    runs = published.table("runs").sort("started_at").collect()
    ended = runs.filter(pl.col("status").is_in(_RUN_STATUSES), pl.col("ended_at").is_not_null())
    total = CounterMetricFamily(
        "inventory_runs",
        "Runs that ended, since midnight UTC.",
        labels=["job", "status"],
    )
    last_end = GaugeMetricFamily(
        "inventory_last_run_end_timestamp_seconds", "End of a job's last run.", labels=["job"]
    )
    last_success = GaugeMetricFamily(
        "inventory_last_success_timestamp_seconds",
        "End of a job's last run that succeeded.",
        labels=["job"],
    )
    seconds = GaugeMetricFamily(
        "inventory_last_run_duration_seconds", "How long a job's last run took.", labels=["job"]
    )
    failed = GaugeMetricFamily(
        "inventory_last_run_failed_steps", "Steps that failed in a job's last run.", labels=["job"]
    )
    for (job,), of_job in sorted(ended.group_by("job"), key=lambda group: str(group[0])):
        name = [str(job)]
        today = of_job.filter(pl.col("ended_at") >= midnight)
        for status in _RUN_STATUSES:
            total.add_metric([*name, status], today.filter(pl.col("status") == status).height)
        last = of_job.sort("ended_at").row(-1, named=True)
        last_end.add_metric(name, _unix(last["ended_at"]))
        if last["seconds"] is not None:
            seconds.add_metric(name, last["seconds"])
        failed.add_metric(name, last["failed_steps"])
        good = of_job.filter(pl.col("status") == "success")["ended_at"].max()
        if isinstance(good, datetime):
            last_success.add_metric(name, _unix(good))
    yield total
    yield _gauge(
        "inventory_runs_in_progress",
        "Runs that have begun and not ended.",
        runs.filter(pl.col("status").is_in(["started", "starting", "canceling"])).height,
    )
    yield from (last_end, last_success, seconds, failed)


def _rows(published: Published, midnight: datetime) -> Iterator[Metric]:
    total = CounterMetricFamily(
        "inventory_rows",
        "Rows that loads read, by what became of them, since midnight UTC.",
        labels=["source", "table", "outcome"],
    )
    is_today = pl.col("committed_at") >= midnight
    tables = (
        published.table("load_history")
        .group_by("source", "table_name")
        .agg(pl.col(f"rows_{name}").filter(is_today).sum() for name in _OUTCOMES)
        .sort("source", "table_name")
        .collect()
    )
    for source, table, *counts in tables.iter_rows():
        for outcome, count in zip(_OUTCOMES, counts, strict=True):
            total.add_metric([source, table, outcome], count)
    yield total


def _checks(published: Published) -> Iterator[Metric]:
    newest = newest_checks(published)
    failed = GaugeMetricFamily(
        "inventory_checks_failed", "Checks whose newest result is a failure.", labels=["severity"]
    )
    for severity in ("error", "warn"):
        is_failed = ~pl.col("passed") & (pl.col("severity") == severity)
        failed.add_metric([severity], newest.filter(is_failed).height)
    yield failed
    yield _gauge("inventory_checks", "Checks that have a result.", newest.height)


def _sizes(published: Published) -> Iterator[Metric]:
    sizes = published.table("sizes").collect()
    newest = sizes.filter(pl.col("measured_at") == pl.col("measured_at").max())
    size = GaugeMetricFamily(
        "inventory_storage_bytes", "Bytes stored in a layer.", labels=["layer"]
    )
    files = GaugeMetricFamily("inventory_storage_files", "Files of a layer.", labels=["layer"])
    for layer, number, count in newest["layer", "bytes", "files"].iter_rows():
        size.add_metric([layer], number)
        files.add_metric([layer], count)
    yield size
    yield files


def _scores(published: Published) -> Metric:
    found = GaugeMetricFamily(
        "inventory_quality_score_ratio",
        "Quality score of a relation on the newest day it has one, 0 to 1.",
        labels=["relation"],
    )
    newest = (
        published.table("quality_scores")
        .filter(pl.col("score").is_not_null())
        .sort("score_date")
        .group_by("relation")
        .last()
        .sort("relation")
        .collect()
    )
    for relation, score in newest["relation", "score"].iter_rows():
        found.add_metric([relation], score)
    return found


def _ages(published: Published, now: datetime) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "inventory_freshness_age_seconds", "How long ago an asset was made.", labels=["asset"]
    )
    limit = GaugeMetricFamily(
        "inventory_freshness_limit_seconds", "Age from which on it is stale.", labels=["asset"]
    )
    for row in published.table("freshness").sort("asset").collect().iter_rows(named=True):
        limit.add_metric([row["asset"]], timedelta(hours=row["fresh_within_hours"]).total_seconds())
        if row["last_updated_at"] is not None:
            age.add_metric([row["asset"]], (now - row["last_updated_at"]).total_seconds())
    yield age
    yield limit


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _unix(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
