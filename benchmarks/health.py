"""Measure what recording the history, asking for health and a scrape cost after months.

    python benchmarks/health.py [--days 90] [--runs 24] [--checks 300]

Writes a history of so many days, runs a day and checks a run, then records one more run.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from inventory_platform.operations.health import health
from inventory_platform.operations.history import has_news, record_history
from inventory_platform.operations.history.store import Store
from inventory_platform.operations.metrics import render_metrics
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings


@dg.asset
def something() -> None:
    """One asset to run."""


def write_history(store: Store, days: int, runs: int, checks: int) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    for ago in range(days - 1, -1, -1):
        at = now - timedelta(days=ago)
        ids = [f"{ago:03d}-{number:03d}" for number in range(runs)]
        done = {"job": "refresh_all", "status": "success", "started_at": at, "ended_at": at}
        store.put(
            "runs",
            at.date(),
            [
                {"run_id": i, "seconds": 60.0, "failed_steps": 0, "updated_at": at} | done
                for i in ids
            ],
            replacing=("run_id", []),
        )
        store.put(
            "checks",
            at.date(),
            [
                {
                    "run_id": run_id,
                    "asset": f"marts/mart_{number % 60}",
                    "check_name": f"unique_{number}",
                    "passed": True,
                    "severity": "error",
                    "is_blocking": True,
                    "description": "",
                    "evaluated_at": at,
                }
                for run_id in ids
                for number in range(checks)
            ],
            replacing=("run_id", []),
        )


def timed(what: str, work: Callable[[], Any]) -> None:
    began, used = time.perf_counter(), time.process_time()
    work()
    took, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"{what:<32}{took * 1000:>9,.0f} ms{cpu * 1000:>9,.0f} ms of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"days": 90, "runs": 24, "checks": 300}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
        settings.dagster_home.mkdir()
        (settings.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        registry = Registry(settings, {}, {})
        store = Store(settings.lake_dir / "operations")
        timed(
            "write the history", lambda: write_history(store, given.days, given.runs, given.checks)
        )
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
            dg.materialize([something], instance=instance)
            specs = list(something.specs)
            timed("record one more run", lambda: record_history(registry, instance, specs))
            timed("again, nothing new", lambda: record_history(registry, instance, specs))
            timed("has anything happened?", lambda: has_news(registry, instance))
        for word in ("first", "later"):
            timed(f"health, {word}", lambda: health(settings))
        timed("metrics, first", lambda: render_metrics(settings))
        timed("metrics, within seconds", lambda: render_metrics(settings))


if __name__ == "__main__":
    main()
