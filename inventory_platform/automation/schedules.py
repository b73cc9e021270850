"""What starts at a fixed time: loads of everything, of Linnworks, maintenance, backups.

Here is only when, and what a run is asked for. That models are built after a load, and which
months of them, is `builds.py`; a build waits for what the load brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dagster as dg

from inventory_platform.automation.backups import BACK_UP
from inventory_platform.automation.builds import (
    ALL_MONTHS,
    BUILD_AFTER,
    IF_NEW,
    IN_ANY_CASE,
    MONTHS,
    UNFINISHED,
)
from inventory_platform.automation.environments import schedule_status
from inventory_platform.automation.jobs import LOAD
from inventory_platform.automation.maintenance import MAINTAIN
from inventory_platform.errors import SettingsError
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings

_HOURLY = "linnworks"
"""The kind of source that sells all day long, on all channels."""


def build_schedules(registry: Registry) -> list[dg.ScheduleDefinition]:
    """All schedules.

    Raises:
        SettingsError: A cron expression is none; names the setting.
    """
    return list(_schedules(registry))


def _schedules(registry: Registry) -> Iterator[dg.ScheduleDefinition]:
    settings = registry.settings
    yield _schedule(
        settings,
        "nightly",
        LOAD,
        {BUILD_AFTER: IN_ANY_CASE},
        "Loads every source; then the models are built and published, also if a source failed.",
    )
    for source in registry.sources.values():
        if source.kind == _HOURLY:
            yield _schedule(
                settings,
                "hourly",
                f"load_{source.name}",
                {BUILD_AFTER: IF_NEW},
                f"Loads {source.name}; where that brings rows, the models are built.",
                name=f"hourly_{source.name}",
            )
    yield _schedule(
        settings,
        "weekly",
        LOAD,
        {BUILD_AFTER: IN_ANY_CASE, MONTHS: ALL_MONTHS},
        "Loads every source and builds all months of the big facts, and the planning, anew.",
    )
    yield _schedule(
        settings, "maintenance", MAINTAIN, {}, "Removes old runs, logs and what kills left behind."
    )
    if settings.backup_address:
        yield _schedule(
            settings, "backup", BACK_UP, {}, "Backs up everything that cannot be worked out again."
        )


def _schedule(
    settings: Settings,
    kind: str,
    job: str,
    tags: Mapping[str, str],
    description: str,
    name: str | None = None,
) -> dg.ScheduleDefinition:
    cron = str(getattr(settings, f"{kind}_cron"))

    def ask(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        # A run that takes longer than the time between two must not pile up others behind it. One
        # that was asked for something else does not stand for this one, which waits behind it.
        going_on = dg.RunsFilter(job_name=job, statuses=UNFINISHED, tags=dict(tags))
        if context.instance.get_run_records(going_on, limit=1):
            return dg.SkipReason(f"The last run of {job} has not finished.")
        return dg.RunRequest(tags=dict(tags))

    try:
        return dg.ScheduleDefinition(
            name=name or kind,
            job_name=job,
            cron_schedule=cron,
            execution_timezone=settings.time_zone,
            execution_fn=ask,
            default_status=schedule_status(settings.environment),
            description=description,
        )
    except dg.DagsterInvalidDefinitionError:
        raise SettingsError(
            f"INVENTORY_{kind.upper()}_CRON: {cron!r} is no cron expression.",
            "Write five fields: minute, hour, day of month, month, day of week; as '0 2 * * *'.",
        ) from None
