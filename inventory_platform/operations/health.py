"""Whether the platform is well: one word, and in plain sentences what is not as it should be.

Asked often, so nothing here loads definitions, opens the warehouse or reads a lot: Dagster's
newest runs and heartbeats, the published history, a few facts of the disk. Something that is
missing is a finding, never an error. Who is told of what is `alerts/`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import dagster as dg
import polars as pl

from inventory_platform.errors import InventoryError
from inventory_platform.operations.alerts.config import read_config
from inventory_platform.operations.alerts.state import read_state
from inventory_platform.operations.history.dagster_log import instant
from inventory_platform.operations.history.published import Published, read_published
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings

_GIGABYTE = 1_000_000_000
_NO_SPACE = 100_000_000
_HEARTBEAT_WITHIN = timedelta(minutes=5)
_RUN_WITHIN = timedelta(hours=6)
LOOK_BACK = timedelta(days=8)
"""How long a failed run is told; every schedule has run again within."""

_RUNS = 200
_NAMES_SHOWN = 3
# A run that somebody cancelled mends nothing that failed before it.
_JUDGED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


UNREADABLE = (InventoryError, OSError, ValueError, pl.exceptions.PolarsError)
"""What is raised by something that is missing or damaged: a finding, not the end of a page."""


class Status(StrEnum):
    """How well the platform is, best first."""

    ok = "ok"
    degraded = "degraded"
    down = "down"


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        status: How bad it is: `degraded`, or `down` when people get no data.
        subject: What it is about, one of a few words.
        text: What is wrong and, where that is not plain, what to do.
    """

    status: Status
    subject: str
    text: str


@dataclass(frozen=True)
class Health:
    """How well the platform is.

    Attributes:
        status: The worst of the findings.
        findings: What is wrong, worst first.
        checked_at: When it was looked at, naive UTC.
    """

    status: Status
    findings: tuple[Finding, ...]
    checked_at: datetime

    def to_json(self) -> str:
        """As JSON, for whoever asks over HTTP."""
        return json.dumps(
            {
                "status": self.status,
                "checked_at": self.checked_at.isoformat(sep=" ", timespec="seconds"),
                "findings": [vars(finding) for finding in self.findings],
            },
            indent=1,
        )


def health(settings: Settings, *, daemon_expected: bool = False) -> Health:
    """Look at everything once.

    Args:
        settings: Where everything is.
        daemon_expected: Whether Dagster's daemon has to be running.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    looks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _disk(settings),
        lambda: _publication(settings),
        lambda: _dagster(settings, now, daemon_expected),
        lambda: _history(settings, now),
        lambda: _alerts(settings),
    ]
    findings = []
    for look in looks:
        try:
            findings += list(look())
        except UNREADABLE as error:
            findings.append(Finding(Status.degraded, "health", f"Cannot be looked at: {error}"))
    findings.sort(key=lambda finding: finding.status != Status.down)
    worst = findings[0].status if findings else Status.ok
    return Health(worst, tuple(findings), now)


@lru_cache(maxsize=4)
def dagster_instance(home: Path) -> dg.DagsterInstance:
    """Dagster's storage below a folder that has a `dagster.yaml`; opened once."""
    return dg.DagsterInstance.from_config(str(home))


def daemon_heartbeats(settings: Settings) -> dict[str, datetime]:
    """Part of the daemon → when it last gave a sign of life, naive UTC; empty without one."""
    if not _has_dagster(settings):
        return {}
    beats = dagster_instance(settings.dagster_home).get_daemon_heartbeats()
    found = {name: instant(beat.timestamp) for name, beat in beats.items()}
    return {name: at for name, at in found.items() if at is not None}


def is_beating(at: datetime, now: datetime) -> bool:
    """Whether a sign of life is young enough."""
    return now - at <= _HEARTBEAT_WITHIN


def undelivered_alerts(settings: Settings) -> int:
    """How many alerts wait for a channel that does not take them.

    Raises:
        InventoryError: The state of the alerts is damaged.
    """
    return sum(len(q.alerts) for q in read_state(settings).queues.values() if q.failing_since)


def _has_dagster(settings: Settings) -> bool:
    return (settings.dagster_home / "dagster.yaml").exists()


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.exists():
        yield Finding(
            Status.down,
            "disk",
            f"The data folder {folder} does not exist; `inventory run` makes it.",
        )
        return
    free = shutil.disk_usage(folder).free
    if free < _NO_SPACE:
        yield Finding(Status.down, "disk", f"The disk is full: {free / 1e6:.0f} MB are free.")
    elif free < read_config(settings).causes.disk.free_gb * _GIGABYTE:
        yield Finding(
            Status.degraded, "disk", f"The disk is nearly full: {free / _GIGABYTE:.1f} GB are free."
        )


def _publication(settings: Settings) -> Iterator[Finding]:
    try:
        published = current_publication(settings.published_dir)
    except (InventoryError, OSError, ValueError) as error:
        yield Finding(Status.down, "marts", f"The published marts cannot be read: {error}")
        return
    if published is None:
        yield Finding(
            Status.down,
            "marts",
            "No marts are published; `inventory run` builds and publishes them.",
        )
        return
    folder, publication = published
    missing = [mart for mart in publication.rows if not (folder / f"{mart}.parquet").exists()]
    if missing:
        yield Finding(
            Status.down,
            "marts",
            f"Published marts are missing: {_names(missing)}. `inventory run --force` publishes "
            "them anew.",
        )


def _dagster(settings: Settings, now: datetime, daemon_expected: bool) -> Iterator[Finding]:
    if not _has_dagster(settings):
        yield Finding(Status.degraded, "runs", "Nothing ran yet.")
        if daemon_expected:
            yield Finding(Status.degraded, "daemon", "Dagster's daemon never ran.")
        return
    instance = dagster_instance(settings.dagster_home)
    since = (now - LOOK_BACK).replace(tzinfo=UTC)
    yield from _failed_runs(instance, since, _recorded_jobs(settings))
    yield from _endless_runs(instance, since, now)
    if daemon_expected:
        yield from _daemon(settings, now)


def _failed_runs(
    instance: dg.DagsterInstance, since: datetime, recorded: frozenset[str]
) -> Iterator[Finding]:
    """The newest ended run of each job, where it failed.

    Each job is asked for by itself: a busy one has more runs in a few hours than can be read, and
    the failure of a nightly one must not disappear behind them.
    """
    newest = instance.get_run_records(dg.RunsFilter(created_after=since), limit=_RUNS)
    for job in sorted(recorded | {record.dagster_run.job_name for record in newest}):
        asked = dg.RunsFilter(job_name=job, statuses=_JUDGED, created_after=since)
        for record in instance.get_run_records(asked, limit=1):
            run = record.dagster_run
            if run.status == dg.DagsterRunStatus.FAILURE:
                ended = instant(record.end_time)
                at = f" at {ended:%Y-%m-%d %H:%M} UTC" if ended else ""
                yield Finding(
                    Status.degraded,
                    "runs",
                    f"The last run of {job} failed{at} (run {run.run_id}).",
                )


def _endless_runs(
    instance: dg.DagsterInstance, since: datetime, now: datetime
) -> Iterator[Finding]:
    """Runs that began long ago and do not end."""
    going_on = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], created_after=since)
    for record in instance.get_run_records(going_on, limit=_RUNS):
        run, started = record.dagster_run, instant(record.start_time)
        if started and now - started > _RUN_WITHIN:
            yield Finding(
                Status.degraded,
                "runs",
                f"A run of {run.job_name} began at {started:%Y-%m-%d %H:%M} UTC and has not "
                f"ended (run {run.run_id}); perhaps its process was killed.",
            )


def _recorded_jobs(settings: Settings) -> frozenset[str]:
    """The jobs in the history of operations: Dagster tells runs, but not which jobs there are."""
    try:
        published = read_published(settings)
        return _jobs_of_version(published) if published else frozenset()
    except UNREADABLE:
        return frozenset()  # `_history` says so; what else is known of runs is told meanwhile.


@lru_cache(maxsize=4)
def _jobs_of_version(published: Published) -> frozenset[str]:
    return frozenset(published.table("runs").select("job").unique().collect()["job"])


def _daemon(settings: Settings, now: datetime) -> Iterator[Finding]:
    beats = daemon_heartbeats(settings)
    if not beats:
        yield Finding(Status.degraded, "daemon", "Dagster's daemon never ran.")
        return
    old = {name: at for name, at in beats.items() if not is_beating(at, now)}
    if old:
        last = max(old.values())
        yield Finding(
            Status.degraded,
            "daemon",
            f"Dagster's daemon gave its last sign of life at {last:%Y-%m-%d %H:%M} UTC "
            f"({_names(sorted(old))}): schedules and sensors stand still.",
        )


def _history(settings: Settings, now: datetime) -> Iterator[Finding]:
    published = read_published(settings)
    if published is None:
        yield Finding(Status.degraded, "history", "The history of operations is not published yet.")
        return
    try:
        _jobs_of_version(published)
        published.table("runs").collect_schema()  # What is remembered may be gone meanwhile.
    except UNREADABLE as error:
        yield Finding(Status.degraded, "history", f"The recorded runs cannot be read: {error}")
    limits, failing = _of_version(published)
    stale = {a: at for a, (at, within) in limits.items() if at is not None and now - at > within}
    if stale:
        asset, at = min(stale.items(), key=lambda item: item[1])
        yield Finding(
            Status.degraded,
            "freshness",
            f"{len(stale)} of {len(limits)} assets are stale; {asset} longest, made at "
            f"{at:%Y-%m-%d %H:%M} UTC.",
        )
    never = [asset for asset, (at, _) in limits.items() if at is None]
    if never:
        yield Finding(Status.degraded, "freshness", f"Never made: {_names(never)}.")
    if failing:
        yield Finding(
            Status.degraded, "checks", f"Checks fail with severity error: {_names(failing)}."
        )


Limits = dict[str, tuple[datetime | None, timedelta]]


@lru_cache(maxsize=4)
def _of_version(published: Published) -> tuple[Limits, list[str]]:
    """Asset → when it was made and how long it is fresh; and the checks that fail as errors."""
    rows = published.table("freshness").sort("asset").collect().iter_rows(named=True)
    limits = {
        row["asset"]: (row["last_updated_at"], timedelta(hours=row["fresh_within_hours"]))
        for row in rows
    }
    newest = newest_checks(published).filter(~pl.col("passed"), pl.col("severity") == "error")
    failing = [f"{asset}: {name}" for asset, name in newest["asset", "check_name"].iter_rows()]
    return limits, sorted(failing)


def newest_checks(published: Published) -> pl.DataFrame:
    """Whether each check passed the last time it ran, and how bad it is when not."""
    newest = pl.col("evaluated_at").arg_max()
    return (
        published.table("checks")
        .group_by("asset", "check_name")
        .agg(pl.col("passed", "severity").get(newest))
        .collect()
    )


def _alerts(settings: Settings) -> Iterator[Finding]:
    for route, queue in read_state(settings).queues.items():
        if queue.failing_since:
            yield Finding(
                Status.degraded,
                "alerts",
                f"{len(queue.alerts)} alerts wait for {route} since "
                f"{queue.failing_since:%Y-%m-%d %H:%M} UTC: {queue.problem}",
            )


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
