"""What Dagster's event log says of ended runs: failed steps, crashed runs, failing checks.

A check that does not block fails no run, so checks are read from every run, whoever started
it. Each run is read once, when it has ended; how far was read is a number in the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from inventory_platform.operations.alerts.model import Cause, Kind, Observation, Severity

FIRST_LOOK_BACK = timedelta(days=1)
"""How far back the very first look reads."""
_RUNS_A_LOOK = 50
_ENDS: tuple[Any, ...] = (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS)
_TOLD = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}
# What a blocking check does to its own step; the check is told already.
_BY_CHECK = "DagsterAssetCheckFailedError"
_CRASH = "crash"


@dataclass(frozen=True)
class Ended:
    """A run that ended, as the event log has it."""

    storage_id: int
    run_id: str
    job: str
    end: dg.DagsterEvent


def storage_of(instance: dg.DagsterInstance) -> str:
    """What identifies the storage of runs; empty where that cannot be told."""
    ask = getattr(instance.run_storage, "get_run_storage_id", None)
    return str(ask()) if ask else ""


def has_read(instance: dg.DagsterInstance, cursor: int) -> bool:
    """Whether an entry of the event log can have been read; not if the log has none so new."""
    return cursor <= (instance.event_log_storage.get_maximum_record_id() or 0)


def ended_runs(instance: dg.DagsterInstance, cursor: int | None, now: datetime) -> list[Ended]:
    """The runs that ended since the last look, oldest first, a bounded number of them.

    Args:
        instance: Where runs are kept.
        cursor: `storage_id` of the last run read; None reads the last day.
        now: The present, naive UTC.
    """
    since = None if cursor is not None else _timestamp(now - FIRST_LOOK_BACK)
    found: list[Ended] = []
    horizon: int | None = None
    for event_type in _ENDS:
        page = instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(
                event_type, after_storage_id=cursor, after_timestamp=since
            ),
            limit=_RUNS_A_LOOK,
            ascending=True,
        )
        ended = [_ended(record) for record in page.records]
        if page.has_more and ended:
            # The other kind of end must not run ahead of this one.
            horizon = min(ended[-1].storage_id, horizon or ended[-1].storage_id)
        found += ended
    return sorted(
        (run for run in found if horizon is None or run.storage_id <= horizon),
        key=lambda run: run.storage_id,
    )


def _ended(record: dg.EventLogRecord) -> Ended:
    entry = record.event_log_entry
    event = entry.get_dagster_event()
    return Ended(record.storage_id, entry.run_id, event.job_name, event)


def observe_runs(
    instance: dg.DagsterInstance, runs: Iterable[Ended], pages: str
) -> Iterator[Observation]:
    """What ended runs say of steps, checks and jobs, in the order it happened.

    Args:
        instance: Where the runs' events are kept.
        runs: Runs that ended.
        pages: Address of Dagster's pages, for links.
    """
    for run in runs:
        link = f"{pages}/runs/{run.run_id}"
        has_failed_step = False
        for event in _events(instance, run.run_id):
            match event.event_type:
                case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                    yield _of_check(event.asset_check_evaluation_data, pages)
                case dg.DagsterEventType.STEP_SUCCESS:
                    yield _fine(event.step_key or "")
                case dg.DagsterEventType.STEP_FAILURE:
                    has_failed_step = True
                    if (observed := _of_step(event, run, link)) is not None:
                        yield observed
        if run.end.event_type == dg.DagsterEventType.RUN_SUCCESS:
            yield _fine(f"job {run.job}")
        elif not has_failed_step:
            yield _of_crash(run, link)


def _events(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.DagsterEvent]:
    cursor = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=_TOLD)
        for record in page.records:
            yield record.event_log_entry.get_dagster_event()
        if not page.has_more:
            return
        cursor = page.cursor


def _fine(subject: str) -> Observation:
    return Observation(cause=Cause(kind=Kind.run, subject=subject), is_bad=False)


def _of_step(event: dg.DagsterEvent, run: Ended, link: str) -> Observation | None:
    data = event.step_failure_data
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    reason = (error.cls_name if error else None) or "unknown"
    if reason == _BY_CHECK:
        return None
    described = data.user_failure_data.description if data.user_failure_data else None
    said = described or (error.message if error else None) or event.message or ""
    return Observation(
        cause=Cause(kind=Kind.run, subject=event.step_key or "", reason=reason),
        is_bad=True,
        severity=Severity.error,
        title=f"{event.step_key} failed in {run.job}",
        text=_without_class(said, reason)
        + "\n\nWhat it would have written is as it was before; steps behind it did not run.",
        link=link,
    )


def _without_class(message: str, reason: str) -> str:
    head, found, rest = message.strip().partition(": ")
    return rest if found and head.rpartition(".")[2] == reason else message.strip()


def _of_crash(run: Ended, link: str) -> Observation:
    return Observation(
        cause=Cause(kind=Kind.run, subject=f"job {run.job}", reason=_CRASH),
        is_bad=True,
        severity=Severity.error,
        title=f"{run.job} stopped before its end",
        text=f"{run.end.message or 'No step of it says why.'}\n\nNothing of it is half done; "
        "start it again. If it stops again: its log, then memory and disk of the machine.",
        link=link,
    )


def _of_check(data: Any, pages: str) -> Observation:
    """What one evaluation of a check says (`event.asset_check_evaluation_data`)."""
    asset = data.asset_key.to_user_string()
    cause = Cause(kind=Kind.check, subject=f"{asset} {data.check_name}")
    if data.passed:
        return Observation(cause=cause, is_bad=False)
    is_error = data.severity == dg.AssetCheckSeverity.ERROR
    consequence = (
        "Marts are not published until it passes; readers keep the last good version."
        if data.blocking
        else "It stops nothing: what was built is published."
    )
    return Observation(
        cause=cause.model_copy(update={"reason": "failed"}),
        is_bad=True,
        severity=Severity.error if is_error else Severity.warning,
        title=f"Check {data.check_name} fails on {asset}",
        text=f"{_described(data)}\n\n{consequence} The page of the check lists the rows.",
        link=f"{pages}/assets/{asset}?view=checks",
    )


def _described(data: Any) -> str:
    if data.description:
        return str(data.description)
    rows = data.metadata.get("dagster_dbt/failed_row_count")
    return f"{rows.value} rows do not pass." if rows is not None else "It does not pass."


def _timestamp(instant: datetime) -> float:
    return instant.replace(tzinfo=UTC).timestamp()
