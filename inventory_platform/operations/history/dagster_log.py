"""Runs, steps, materializations and check results out of Dagster's event log.

Runs are asked for by when they last changed, so each is read again only while it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

# Runs are told to have changed at an instant that may be a little before it can be seen.
_OVERLAP = timedelta(minutes=1)
_PAGE = 200

_READ = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SKIPPED,
    dg.DagsterEventType.RUN_FAILURE,
}


@dataclass
class RunHistory:
    """The rows of one run, by table.

    Attributes:
        day: When the run was asked for; its rows are kept under that day.
        run: Its row of `runs`.
        steps: Step → its row.
        materializations: Its rows of `materializations`.
        checks: Its rows of `checks`.
    """

    day: date
    run: dict[str, Any]
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    materializations: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)


def changed_runs(
    instance: dg.DagsterInstance,
    known: Mapping[str, datetime],
    not_before: datetime,
) -> Iterator[dg.RunRecord]:
    """Runs that began or changed since they were collected, in the order they were asked for.

    Args:
        instance: Where Dagster keeps its runs.
        known: Collected run → when it had last changed then.
        not_before: Runs that did not change since then are too old to be kept.
    """
    since = max([*known.values(), not_before]) - _OVERLAP if known else not_before
    filters = dg.RunsFilter(updated_after=since.replace(tzinfo=UTC))
    cursor = None
    while True:
        page = instance.get_run_records(filters, limit=_PAGE, ascending=True, cursor=cursor)
        for record in page:
            if known.get(record.dagster_run.run_id) != naive(record.update_timestamp):
                yield record
        if len(page) < _PAGE:
            return
        cursor = page[-1].dagster_run.run_id


def read_run(
    instance: dg.DagsterInstance,
    record: dg.RunRecord,
    group_of: Mapping[str, str],
    hide: Callable[[str], str],
) -> RunHistory:
    """Everything kept of one run, as its event log has it now.

    Args:
        instance: Where Dagster keeps its events.
        record: The run.
        group_of: Asset → its group.
        hide: Takes secrets out of a text.
    """
    run_id = record.dagster_run.run_id
    started, ended = instant(record.start_time), instant(record.end_time)
    history = RunHistory(
        day=naive(record.create_timestamp).date(),
        run={
            "run_id": run_id,
            "job": record.dagster_run.job_name,
            "status": record.dagster_run.status.value.lower(),
            "started_at": started,
            "ended_at": ended,
            "seconds": (ended - started).total_seconds() if started and ended else None,
            "failed_steps": 0,
            "error": None,
            "updated_at": naive(record.update_timestamp),
        },
    )
    groups: dict[str, set[str]] = {}
    for event, happened_at in _events(instance, run_id):
        _take(history, groups, event, happened_at, group_of, hide)
    for step, row in history.steps.items():
        row["asset_group"] = _one(groups.get(step, set()))
    failed = [row for row in history.steps.values() if row["status"] == "failure"]
    history.run["failed_steps"] = len(failed)
    if failed:
        history.run["error"] = failed[0]["error"]
    return history


def _events(
    instance: dg.DagsterInstance, run_id: str
) -> Iterator[tuple[dg.DagsterEvent, datetime]]:
    cursor = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=_READ)
        cursor = page.cursor
        for record in page.records:
            event = record.event_log_entry.dagster_event
            if event is not None:
                yield event, _at(record.timestamp)
        if not page.has_more:
            return


def _take(
    history: RunHistory,
    groups: dict[str, set[str]],
    event: dg.DagsterEvent,
    happened_at: datetime,
    group_of: Mapping[str, str],
    hide: Callable[[str], str],
) -> None:
    kind = dg.DagsterEventType
    run_id, step = history.run["run_id"], event.step_key

    def planned(key: dg.AssetKey) -> None:
        asset = key.to_user_string()
        if step and asset in group_of:
            groups.setdefault(step, set()).add(group_of[asset])

    match event.event_type:
        case kind.ASSET_MATERIALIZATION_PLANNED:
            planned(event.asset_materialization_planned_data.asset_key)
        case kind.ASSET_CHECK_EVALUATION_PLANNED:
            planned(event.asset_check_planned_data.asset_key)
        case kind.ASSET_MATERIALIZATION:
            made = event.step_materialization_data.materialization
            asset = made.asset_key.to_user_string()
            history.materializations.append(
                {
                    "run_id": run_id,
                    "step": step,
                    "asset": asset,
                    "asset_group": group_of.get(asset),
                    "row_count": _number(made.metadata.get("dagster/row_count")),
                    "seconds": _number(made.metadata.get("Execution Duration")),
                    "materialized_at": happened_at,
                }
            )
        case kind.ASSET_CHECK_EVALUATION:
            result = event.asset_check_evaluation_data
            history.checks.append(
                {
                    "run_id": run_id,
                    "asset": result.asset_key.to_user_string(),
                    "check_name": result.check_name,
                    "passed": result.passed,
                    "severity": result.severity.value.lower(),
                    "is_blocking": bool(result.blocking),
                    "description": hide(_told(result)),
                    "evaluated_at": happened_at,
                }
            )
        case kind.STEP_START if step:
            history.steps[step] = _step(run_id, step, "started", happened_at)
        case kind.STEP_SUCCESS if step:
            row = history.steps.setdefault(step, _step(run_id, step, "", None))
            row["status"] = "success"
            row["seconds"] = event.step_success_data.duration_ms / 1000
        case kind.STEP_SKIPPED if step:
            history.steps[step] = _step(run_id, step, "skipped", None)
        case kind.STEP_FAILURE if step:
            row = history.steps.setdefault(step, _step(run_id, step, "", None))
            row["status"] = "failure"
            row["error"] = hide(failure_reason(event))
            if row["started_at"]:
                row["seconds"] = (happened_at - row["started_at"]).total_seconds()
        case kind.RUN_FAILURE:
            history.run["error"] = hide(event.message or "")


def _step(run_id: str, step: str, status: str, started_at: datetime | None) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "step": step,
        "asset_group": None,
        "status": status,
        "started_at": started_at,
        "seconds": None,
        "error": None,
    }


def _one(groups: set[str]) -> str | None:
    return next(iter(groups)) if len(groups) == 1 else ("several" if groups else None)


def _told(result: dg.AssetCheckEvaluation) -> str:
    """What a check said; tests of dbt say how many rows they found."""
    if result.description:
        return result.description
    rows = result.metadata.get("dagster_dbt/failed_row_count")
    return "" if rows is None or result.passed else f"{rows.value} rows"


def failure_reason(event: dg.DagsterEvent) -> str:
    """Why a step failed, in the words of what raised it."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else event.message or "unknown"


def _number(value: Any) -> Any:
    return None if value is None else value.value


def instant(timestamp: float | None) -> datetime | None:
    """A timestamp of Dagster as a naive instant in UTC."""
    return None if timestamp is None else _at(timestamp)


def _at(timestamp: float) -> datetime:
    return naive(datetime.fromtimestamp(timestamp, UTC))


def naive(moment: datetime) -> datetime:
    """An instant without its zone, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)
