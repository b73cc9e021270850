"""Running the asset graph from the command line: in this process, with its events told.

Dagster executes; its events are followed while they appear, so that a person sees what is
going on, and collected into one outcome at the end. How they are printed is `cli/`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from inventory_platform.assets.months import Window
from inventory_platform.errors import SettingsError
from inventory_platform.operations.history.dagster_log import failure_reason
from inventory_platform.operations.run_storage import write_quickly
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.warehouse import only_run, open_warehouse

_POLL_SECONDS = 0.2
_EXAMPLES = "'group:inventory_db' or 'key:\"raw/inventory_db__products\"+'"
STARTED_BY = "inventory/started_by"
"""Tag of a run: who started it."""
COMMAND = "command"
_FOLLOWED = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
}


@dataclass(frozen=True)
class CheckResult:
    """One evaluated check."""

    asset: str
    name: str
    passed: bool
    is_error: bool
    description: str


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        run_id: Dagster's run.
        success: Whether the run reached its end.
        seconds: How long it took.
        checks: Every check that was evaluated.
        failures: Step → what went wrong there.
        loads: Raw asset → its ledger line.
        not_loaded: Raw asset → why it was left out.
    """

    run_id: str
    success: bool
    seconds: float
    checks: list[CheckResult] = field(default_factory=list)
    failures: Mapping[str, str] = field(default_factory=dict)
    loads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    not_loaded: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed_checks(self) -> list[CheckResult]:
        """Checks that failed with severity error."""
        return [c for c in self.checks if not c.passed and c.is_error]


def prepare_instance(settings: Settings) -> Path:
    """Make the folder Dagster keeps its runs in and name it in the environment.

    A `DAGSTER_HOME` that is already set is left alone.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    shipped = PROJECT_DIR / "dagster.yaml"
    if not config.exists() or (
        config.stat().st_mtime < shipped.stat().st_mtime and "DAGSTER_HOME" not in os.environ
    ):
        shutil.copyfile(shipped, config)
    os.environ["DAGSTER_HOME"] = str(home)
    write_quickly()
    return home


def execute(
    settings: Settings,
    definitions: dg.Definitions,
    job_name: str,
    *,
    assets: str | None = None,
    window: Window | None = None,
    log_file: Path,
    on_event: Callable[[dg.DagsterEvent], None],
) -> Outcome:
    """Execute a job of the platform and follow it.

    Args:
        settings: How long to wait for another run.
        definitions: The platform.
        job_name: The job.
        assets: Dagster selection of some of the job's assets; all of them when omitted.
        window: The months of the big facts, where the job has some.
        log_file: Where everything that Dagster and dbt print goes.
        on_event: Called, in order, with each event a person would want to see.

    Raises:
        SettingsError: The selection cannot be read, or no asset of the job is in it.
        WarehouseError: Another run is still going on after `lock_timeout_seconds`, or the warehouse
            cannot be opened.
    """
    job = definitions.resolve_job_def(job_name)
    selected = None
    if assets is not None:
        selected = _select(definitions, job, assets)
    run_id = str(uuid.uuid4())
    started = time.monotonic()
    events: list[dg.DagsterEvent] = []
    log_file.parent.mkdir(parents=True, exist_ok=True)

    def collect(event: dg.DagsterEvent) -> None:
        events.append(event)
        on_event(event)

    with (
        only_run(settings, settings.lock_timeout_seconds),
        dg.DagsterInstance.get() as instance,
        _quiet(log_file),
    ):
        end_dead_runs(instance)
        with open_warehouse(settings):
            pass  # what is wrong with it is said once, not by every step
        with _followed(instance, run_id, collect):
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                asset_selection=selected,
                tags={STARTED_BY: COMMAND, **(window.tags if window else {})},
                run_config={"loggers": {"console": {"config": {"log_level": "INFO"}}}},
            )
        success = result.success
    return _outcome(run_id, success, time.monotonic() - started, events)


def _select(definitions: dg.Definitions, job: dg.JobDefinition, assets: str) -> list[dg.AssetKey]:
    # Of a selection without assets Dagster would run everything.
    try:
        graph = definitions.resolve_asset_graph()
        selected = dg.AssetSelection.from_string(assets).resolve(graph)
    except dg.DagsterError:
        raise SettingsError(
            f"The selection {assets!r} cannot be read.", f"Write it as in {_EXAMPLES}."
        ) from None
    if not selected & set(job.asset_layer.selected_asset_keys):
        raise SettingsError(
            f"The selection {assets!r} names no asset that is here.",
            f"Nothing was run. Names are those of the asset graph, as in {_EXAMPLES}.",
        )
    return list(selected)


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark the runs of killed commands as failed; no other run would ever begin behind them.

    To be called by who is the only run: a command that is alive holds that right.
    """
    unfinished = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    runs = dg.RunsFilter(statuses=unfinished, tags={STARTED_BY: COMMAND})
    for record in instance.get_run_records(runs):
        instance.report_run_failed(record.dagster_run, "The command that ran this was killed.")


@contextlib.contextmanager
def _quiet(log_file: Path) -> Iterator[None]:
    """Send what Dagster and dbt print to a file; both write to the streams of the process."""
    with (
        log_file.open("w") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        yield


@contextlib.contextmanager
def _followed(
    instance: dg.DagsterInstance, run_id: str, on_event: Callable[[dg.DagsterEvent], None]
) -> Iterator[None]:
    done = threading.Event()

    def follow() -> None:
        cursor = None
        finished = False
        while not finished:
            finished = done.wait(_POLL_SECONDS)
            while True:
                page = instance.get_records_for_run(run_id, cursor=cursor, of_type=_FOLLOWED)
                cursor = page.cursor
                for record in page.records:
                    event = record.event_log_entry.dagster_event
                    if event is not None:
                        on_event(event)
                if not page.has_more:
                    break

    thread = threading.Thread(target=follow, name="follow-run")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _outcome(run_id: str, success: bool, seconds: float, events: list[dg.DagsterEvent]) -> Outcome:
    checks: list[CheckResult] = []
    failures: dict[str, str] = {}
    loads: dict[str, Mapping[str, Any]] = {}
    not_loaded: dict[str, str] = {}
    for event in events:
        match event.event_type:
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                data = event.asset_check_evaluation_data
                checks.append(
                    CheckResult(
                        asset=data.asset_key.to_user_string(),
                        name=data.check_name,
                        passed=data.passed,
                        is_error=data.severity == dg.AssetCheckSeverity.ERROR,
                        description=data.description or "",
                    )
                )
            case dg.DagsterEventType.STEP_FAILURE:
                failures[event.step_key or "run"] = failure_reason(event)
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                materialization = event.step_materialization_data.materialization
                layer, *_, relation = materialization.asset_key.path
                facts = {name: v.value for name, v in materialization.metadata.items()}
                if "not_loaded" in facts:
                    not_loaded[relation] = str(facts["not_loaded"])
                elif layer == "raw":
                    loads[relation] = facts
    return Outcome(run_id, success, seconds, checks, failures, loads, not_loaded)
