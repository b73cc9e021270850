"""What is tidied up by itself: Dagster's old runs, old logs, leftovers, small files of the lake.

No row of the lake, the warehouse or the published marts changes here. Each matter is one op of
the job, so that one that fails keeps no other from being done.
"""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from inventory_platform.operations.compaction import compact
from inventory_platform.operations.leftovers import remove_leftovers
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings

MAINTAIN = "maintain"

_DAY_SECONDS = 24 * 3600
_LEFT_BEHIND_SECONDS = 2 * _DAY_SECONDS
"""Longer than any run: what is older belongs to no process that is alive."""
_PAGE = 500
_KEPT_OF_DBT = {"manifest.json", "partial_parse.msgpack", ".lock", "parse", "compiled", "run"}


def build_maintenance_job(settings: Settings) -> dg.JobDefinition:
    """The job that tidies up."""

    @dg.op(description="Removes Dagster's record of old runs that nothing current stands on.")
    def old_runs(context: dg.OpExecutionContext) -> None:
        gone = remove_old_runs(context.instance, settings.keep_runs_days)
        context.log.info("Removed %d runs older than %d days.", gone, settings.keep_runs_days)

    @dg.op(description="Removes old log files of the command line.")
    def old_logs(context: dg.OpExecutionContext) -> None:
        logs = settings.data_dir / "logs"
        gone = _remove(logs, "*.log*", settings.keep_runs_days * _DAY_SECONDS)
        context.log.info("Removed %d log files.", gone)

    @dg.op(description="Removes dbt's folders, temporary files and versions that a kill left.")
    def leftovers(context: dg.OpExecutionContext) -> None:
        target = settings.dbt_dir / "target"
        gone = _remove(target, "*", _LEFT_BEHIND_SECONDS, keep=_KEPT_OF_DBT)
        gone += remove_leftovers(settings, _DAY_SECONDS)
        context.log.info("Removed %d leftovers.", gone)

    @dg.op(description="Merges the small files of past days and months in the lake.")
    def small_files(context: dg.OpExecutionContext) -> None:
        results = compact(read_registry(settings), datetime.now(UTC).date())
        merged, into = sum(r.merged for r in results), sum(r.into for r in results)
        context.log.info("%d files became %d.", merged, into)

    @dg.job(
        name=MAINTAIN,
        description="Removes old runs, logs and leftovers, merges small files; changes no row.",
        executor_def=dg.in_process_executor,
    )
    def maintain() -> None:
        old_runs()
        old_logs()
        leftovers()
        small_files()

    return maintain


def remove_old_runs(instance: dg.DagsterInstance, days: int) -> int:
    """Remove runs that ended more than some days ago, with their events and logs.

    What Dagster shows of an asset comes from the run that made it last, and of a month from the
    last run over it. So those runs stay, however old they are.

    Returns:
        How many were removed.
    """
    oldest = time.time() - days * _DAY_SECONDS
    in_use = _runs_in_use(instance)
    windows: list[tuple[str, str]] = []
    gone = 0
    for record in list(_all_runs(instance)):
        run = record.dagster_run
        window = (
            run.tags.get("dagster/asset_partition_range_start", ""),
            run.tags.get("dagster/asset_partition_range_end", ""),
        )
        is_covered = not window[0] or any(
            first <= window[0] and window[1] <= last for first, last in windows
        )
        if window[0] and run.status == dg.DagsterRunStatus.SUCCESS:
            windows.append(window)
        ended = record.end_time or record.create_timestamp.timestamp()
        if run.is_finished and ended < oldest and is_covered and run.run_id not in in_use:
            instance.compute_log_manager.delete_logs(prefix=[run.run_id])
            instance.delete_run(run.run_id)
            gone += 1
    return gone


def _runs_in_use(instance: dg.DagsterInstance) -> set[str]:
    newest = (record.asset_entry.last_materialization for record in instance.get_asset_records())
    return {event.run_id for event in newest if event is not None}


def _all_runs(instance: dg.DagsterInstance) -> Iterator[dg.RunRecord]:
    """Every run, the newest first."""
    cursor = None
    while page := instance.get_run_records(limit=_PAGE, cursor=cursor):
        yield from page
        cursor = page[-1].dagster_run.run_id


def _remove(
    folder: Path, pattern: str, seconds: float, keep: frozenset[str] | set[str] = frozenset()
) -> int:
    """Remove what lies in a folder and has not changed for some time; returns how much."""
    oldest = time.time() - seconds
    old = [p for p in folder.glob(pattern) if p.name not in keep and p.lstat().st_mtime < oldest]
    for path in old:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return len(old)
