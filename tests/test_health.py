"""Health in plain findings, metrics as Prometheus reads them; numbers worked out by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

from inventory_platform.operations.alerts.model import Alert, Cause, Kind, Severity
from inventory_platform.operations.alerts.state import Queue, State, save
from inventory_platform.operations.health import Health, Status, health, is_beating
from inventory_platform.operations.history import tables
from inventory_platform.operations.metrics import render_metrics
from inventory_platform.publishing.parquet import publish
from inventory_platform.settings import Settings

SHAPES = {
    **tables.KEPT,
    "freshness": tables.FRESHNESS,
    "quality_scores": {"relation": "VARCHAR", "score_date": "DATE", "score": "DOUBLE"},
}


@dg.op
def works() -> None:
    pass


@dg.op
def fails() -> None:
    raise ValueError("no")


@dg.job(name="nightly")
def nightly_works() -> None:
    works()


@dg.job(name="nightly")
def nightly_fails() -> None:
    fails()


@dg.job
def busy() -> None:
    works()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    limits = tmp_path / "alerts.toml"
    limits.write_text("[causes.disk]\nfree_gb = 0.01\n")
    return Settings(data_dir=tmp_path / "data", alerts_file=limits)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    home = settings.dagster_home
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def publish_history(settings: Settings, **rows: Sequence[Mapping[str, Any]]) -> None:
    """Publish a history of these rows; other tables are empty."""
    with duckdb.connect() as con:
        con.execute("create schema ops")
        for name, types in SHAPES.items():
            listed = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
            con.execute(f"create table ops.{name} ({listed})")
            if given := rows.get(name):
                con.register("given", pl.DataFrame(list(given)))
                con.execute(f"insert into ops.{name} by name from given")
        _publish(settings.operations_dir, con, "ops", list(SHAPES))


def publish_marts(settings: Settings) -> None:
    with duckdb.connect() as con:
        con.execute("create schema marts; create table marts.fct_orders as select 1 as a")
        _publish(settings.published_dir, con, "marts", ["fct_orders"])


def _publish(root: Path, con: duckdb.DuckDBPyConnection, schema: str, names: Sequence[str]) -> None:
    publish(
        root,
        con,
        schema=schema,
        marts=names,
        keep=2,
        run_id="",
        code_version="1",
        loads={},
        inputs="",
    )


def told(found: Health, subject: str) -> list[str]:
    return [finding.text for finding in found.findings if finding.subject == subject]


def test_where_nothing_is_yet_everything_missing_is_a_finding(settings: Settings) -> None:
    found = health(settings, daemon_expected=True)
    assert found.status == Status.down
    assert [finding.subject for finding in found.findings] == [
        "disk",
        "marts",
        "runs",
        "daemon",
        "history",
    ]
    assert json.loads(found.to_json())["status"] == "down"


def test_a_platform_in_order_has_no_findings_and_says_so_at_once(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    nightly_works.execute_in_process(instance=instance)
    publish_marts(settings)
    publish_history(settings)
    assert health(settings).findings == ()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        health(settings)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.2


def test_the_last_run_of_a_job_counts_and_a_later_success_ends_the_finding(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    publish_marts(settings)
    publish_history(settings)
    failed = nightly_fails.execute_in_process(instance=instance, raise_on_error=False)
    found = health(settings)
    assert found.status == Status.degraded
    [text] = told(found, "runs")
    assert text.startswith("The last run of nightly failed at ")
    assert failed.run_id in text
    nightly_works.execute_in_process(instance=instance)
    assert health(settings).status == Status.ok


def test_a_failed_run_stays_told_however_many_runs_of_other_jobs_follow(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_marts(settings)
    publish_history(settings, runs=[{"run_id": "a", "job": "nightly", "status": "failure"}])
    monkeypatch.setattr("inventory_platform.operations.health._RUNS", 2)
    failed = nightly_fails.execute_in_process(instance=instance, raise_on_error=False)
    for _ in range(3):
        busy.execute_in_process(instance=instance)
    [text] = told(health(settings), "runs")
    assert failed.run_id in text
    nightly_works.execute_in_process(instance=instance)
    assert health(settings).status == Status.ok


def test_a_cancelled_run_does_not_hide_the_failure_before_it(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    publish_marts(settings)
    publish_history(settings)
    failed = nightly_fails.execute_in_process(instance=instance, raise_on_error=False)
    cancelled = instance.create_run_for_job(nightly_works)
    instance.report_run_canceled(cancelled)
    [text] = told(health(settings), "runs")
    assert failed.run_id in text


@pytest.mark.parametrize("is_gone", [True, False])
def test_recorded_runs_that_are_gone_or_damaged_are_found_and_dagsters_are_still_told(
    settings: Settings, instance: dg.DagsterInstance, is_gone: bool
) -> None:
    publish_marts(settings)
    publish_history(settings)
    nightly_fails.execute_in_process(instance=instance, raise_on_error=False)
    assert told(health(settings), "history") == []
    file = (settings.operations_dir / "current").resolve() / "runs.parquet"
    if is_gone:
        file.unlink()
    else:
        file.write_bytes(b"PAR1")
    found = health(settings)
    [text] = told(found, "history")
    assert text.startswith("The recorded runs cannot be read: ")
    assert len(told(found, "runs")) == 1


def test_stale_marts_and_failing_checks_are_named(settings: Settings) -> None:
    publish_marts(settings)
    ages = {"marts/a": timedelta(hours=1), "marts/b": timedelta(hours=30), "marts/c": None}
    at = now()
    publish_history(
        settings,
        freshness=[
            {
                "asset": asset,
                "asset_group": "marts",
                "last_updated_at": at - age if age else None,
                "fresh_within_hours": 24.0,
                "state": "as it was when it was published",
            }
            for asset, age in ages.items()
        ],
        checks=[
            _check("old_failure", False, "error", at - timedelta(hours=1)),
            _check("old_failure", True, "error", at),
            _check("unique_a", False, "error", at),
            _check("volume", False, "warn", at),
        ],
    )
    found = health(settings)
    [stale, never] = told(found, "freshness")
    assert stale.startswith("1 of 3 assets are stale; marts/b longest")
    assert never == "Never made: marts/c."
    assert told(found, "checks") == ["Checks fail with severity error: marts/a: unique_a."]


def _check(name: str, passed: bool, severity: str, at: datetime) -> dict[str, Any]:
    return {
        "run_id": "r",
        "asset": "marts/a",
        "check_name": name,
        "passed": passed,
        "severity": severity,
        "is_blocking": False,
        "description": "",
        "evaluated_at": at,
    }


def test_a_published_mart_that_is_gone_or_unreadable_is_found(settings: Settings) -> None:
    publish_marts(settings)
    folder = (settings.published_dir / "current").resolve()
    (folder / "fct_orders.parquet").unlink()
    [text] = told(health(settings), "marts")
    assert text.startswith("Published marts are missing: fct_orders.")
    (folder / "manifest.json").write_text('{"version": ')
    found = health(settings)
    assert found.status == Status.down
    assert told(found, "marts")[0].startswith("The published marts cannot be read")


def test_a_disk_that_is_nearly_full_is_found(settings: Settings) -> None:
    settings.data_dir.mkdir()
    assert told(health(settings), "disk") == []
    settings.alerts_file.write_text("[causes.disk]\nfree_gb = 1000000000\n")
    [text] = told(health(settings), "disk")
    assert text.startswith("The disk is nearly full")


def test_alerts_that_nobody_takes_are_found_and_a_damaged_state_is_too(
    settings: Settings,
) -> None:
    alert = Alert(
        cause=Cause(kind=Kind.run, subject="nightly"),
        severity=Severity.error,
        title="nightly failed",
        text="",
        link="",
    )
    since = datetime.fromisoformat("2026-05-04 03:02")
    failing = Queue(alerts=[alert, alert], failing_since=since, problem="Connection refused.")
    save(settings, State(queues={"mail": failing, "chat": Queue(alerts=[alert])}))
    assert told(health(settings), "alerts") == [
        "2 alerts wait for mail since 2026-05-04 03:02 UTC: Connection refused."
    ]
    assert metric(settings, "inventory_alerts_undelivered") == {(): 2}
    (settings.data_dir / "alerts" / "state.json").write_text("{")
    found = health(settings)
    assert told(found, "health")[0].startswith("Cannot be looked at:")


def test_a_sign_of_life_is_young_for_five_minutes() -> None:
    at = datetime.fromisoformat("2026-01-01 10:00")
    assert is_beating(at, at + timedelta(minutes=5))
    assert not is_beating(at, at + timedelta(minutes=5, seconds=1))


def metric(settings: Settings, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by the values of its labels, as a parser of Prometheus sees them."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(render_metrics(settings).decode())
        for sample in family.samples
        if sample.name == name
    }


def test_metrics_are_the_numbers_of_the_history(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_marts(settings)
    at = now().replace(microsecond=0)
    yesterday = at - timedelta(days=1)
    runs = [
        ("a", "nightly", "success", yesterday, 0),
        ("b", "nightly", "failure", at, 2),
        ("c", "hourly", "success", at, 0),
    ]
    publish_history(
        settings,
        runs=[
            {
                "run_id": run_id,
                "job": job,
                "status": status,
                "started_at": ended - timedelta(seconds=90),
                "ended_at": ended,
                "seconds": 90.0,
                "failed_steps": failed,
            }
            for run_id, job, status, ended, failed in runs
        ]
        + [{"run_id": "d", "job": "hourly", "status": "started", "started_at": at}],
        load_history=[
            {
                "source": "shop",
                "table_name": "items",
                "load_id": str(number),
                "committed_at": committed,
                "rows_loaded": 10 * number,
                "rows_quarantined": number,
                "rows_deduplicated": 0,
            }
            for number, committed in [(1, yesterday), (2, at), (3, at)]
        ],
        checks=[_check("x", False, "warn", at), _check("y", True, "error", at)],
        sizes=[
            {"layer": "raw", "files": 1, "bytes": 100, "measured_at": yesterday},
            {"layer": "raw", "files": 2, "bytes": 250, "measured_at": at},
        ],
        quality_scores=[
            {"relation": "raw.shop__items", "score_date": day.date(), "score": score}
            for day, score in [(yesterday, 0.5), (at, 0.75)]
        ],
        freshness=[
            {
                "asset": "marts/a",
                "last_updated_at": at - timedelta(hours=1),
                "fresh_within_hours": 36.0,
            }
        ],
    )
    end = at.replace(tzinfo=UTC).timestamp()
    expected = {
        "inventory_runs_total": {
            ("nightly", "success"): 0,
            ("nightly", "failure"): 1,
            ("nightly", "canceled"): 0,
            ("hourly", "success"): 1,
            ("hourly", "failure"): 0,
            ("hourly", "canceled"): 0,
        },
        "inventory_runs_in_progress": {(): 1},
        "inventory_last_run_end_timestamp_seconds": {("nightly",): end, ("hourly",): end},
        "inventory_last_success_timestamp_seconds": {
            ("nightly",): end - 86400,
            ("hourly",): end,
        },
        "inventory_last_run_duration_seconds": {("nightly",): 90, ("hourly",): 90},
        "inventory_last_run_failed_steps": {("nightly",): 2, ("hourly",): 0},
        "inventory_rows_total": {
            ("loaded", "shop", "items"): 50,
            ("quarantined", "shop", "items"): 5,
            ("deduplicated", "shop", "items"): 0,
        },
        "inventory_checks_failed": {("error",): 0, ("warn",): 1},
        "inventory_checks": {(): 2},
        "inventory_storage_bytes": {("raw",): 250},
        "inventory_storage_files": {("raw",): 2},
        "inventory_quality_score_ratio": {("raw.shop__items",): 0.75},
        "inventory_freshness_limit_seconds": {("marts/a",): 36 * 3600},
        "inventory_metrics_unreadable_parts": {(): 0},
        "inventory_health": {(): 1},
    }
    assert {name: metric(settings, name) for name in expected} == expected
    assert metric(settings, "inventory_freshness_age_seconds")[("marts/a",)] == pytest.approx(
        3600, abs=60
    )
    assert metric(settings, "inventory_disk_free_bytes")[()] > 0
    assert set(metric(settings, "inventory_published_timestamp_seconds")) == {
        ("marts",),
        ("operations",),
    }


def test_what_cannot_be_read_is_left_out_of_the_metrics_and_counted(settings: Settings) -> None:
    publish_marts(settings)
    publish_history(settings)
    folder = (settings.operations_dir / "current").resolve()
    (folder / "runs.parquet").write_bytes(b"PAR1")
    assert metric(settings, "inventory_metrics_unreadable_parts") == {(): 1}
    assert metric(settings, "inventory_runs_in_progress") == {}
    assert metric(settings, "inventory_disk_free_bytes")[()] > 0


def test_every_metric_is_in_the_docs(settings: Settings) -> None:
    publish_marts(settings)
    publish_history(settings)
    page = (Path(__file__).parent.parent / "docs" / "health.md").read_text(encoding="utf-8")
    text = render_metrics(settings).decode()
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) > 15
    assert [name for name in names if f"`{name}`" not in page] == []
