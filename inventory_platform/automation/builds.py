"""When models are built after loads: one build for all loads that have ended since the last one.

A load that is to be followed by a build carries a tag that says so. Nothing here remembers
anything: which loads have ended and what was built after them stands in Dagster's own runs, so
a daemon that was away for days goes on where it stopped, with one build.
What reacts to streams is in `conditions.py`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

import dagster as dg

from inventory_platform.assets.build_state import read_build_state, unseen_loads
from inventory_platform.assets.dbt_graph import read_graph
from inventory_platform.assets.months import Window, all_months, next_window
from inventory_platform.assets.published import failed_checks, names_of
from inventory_platform.automation.environments import Trigger, sensor_status
from inventory_platform.automation.jobs import BUILD, BUILD_KEEPING_FACTS, job_to_build
from inventory_platform.errors import WarehouseError
from inventory_platform.registry import Registry

BUILD_AFTER = "inventory/build_after"
"""Tag of a load: whether a build follows it, `IN_ANY_CASE` or `IF_NEW` rows came."""
IN_ANY_CASE = "in_any_case"
IF_NEW = "if_new"

MONTHS = "inventory/months"
"""Tag of a load: which months of the big facts the build makes; those due where it is missing."""
ALL_MONTHS = "all"

AFTER_LOAD = "inventory/after_load"
"""Tag of a build: the newest load it came after."""
CAUSE = "inventory/cause"
_BY_LOADS = "loads"

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_LOADS_LOOKED_AT = 100
_INTERVAL_SECONDS = 30


def build_builds_sensor(
    registry: Registry,
    jobs: Sequence[dg.UnresolvedAssetJobDefinition],
    blocking: Sequence[dg.AssetCheckKey],
) -> dg.SensorDefinition:
    """The sensor that asks for builds.

    Args:
        registry: What is loaded.
        jobs: The jobs of the platform, among them those that build.
        blocking: Checks on what is loaded whose latest result must not be a failure.
    """

    @dg.sensor(
        name="builds_after_loads",
        jobs=[job for job in jobs if job.name in {BUILD, BUILD_KEEPING_FACTS}],
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=sensor_status(registry.settings.environment, Trigger.builds),
        description="Builds and publishes the models after loads: one build for all that ended.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        instance = context.instance
        if _is_going_on(instance):
            return dg.SkipReason("A load or a build is still going on or waiting.")
        newest_build = next(iter(_newest_builds(instance)), None)
        loads = _loads_since(instance, newest_build)
        if not loads:
            return dg.SkipReason("No load has ended since the last build.")
        newest = loads[0].run_id
        if newest == context.cursor:
            return dg.SkipReason("The last load failed a blocking check; the next one decides.")
        wants = {load.tags[BUILD_AFTER] for load in loads}
        if IN_ANY_CASE not in wants and (reason := _not_yet(registry, newest_build)):
            return dg.SkipReason(reason)
        if failed := failed_checks(instance, blocking):
            context.update_cursor(newest)
            return dg.SkipReason(
                f"Nothing is built, as blocking checks failed: {names_of(failed)}."
            )
        try:
            window = _window(registry, loads)
        except WarehouseError as error:
            return dg.SkipReason(error.what)
        return dg.RunRequest(
            run_key=f"after {newest}",
            job_name=job_to_build(window),
            tags={AFTER_LOAD: newest, CAUSE: _BY_LOADS, **(window.tags if window else {})},
        )

    return look


def _is_going_on(instance: dg.DagsterInstance) -> bool:
    asked = [
        dg.RunsFilter(statuses=UNFINISHED, tags={BUILD_AFTER: [IN_ANY_CASE, IF_NEW]}),
        dg.RunsFilter(statuses=UNFINISHED, tags={CAUSE: _BY_LOADS}),
    ]
    return any(instance.get_run_records(runs, limit=1) for runs in asked)


def _newest_builds(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    return instance.get_run_records(dg.RunsFilter(tags={CAUSE: _BY_LOADS}), limit=1)


def _loads_since(instance: dg.DagsterInstance, build: dg.RunRecord | None) -> list[dg.DagsterRun]:
    """The loads that ended after the ones a build came after, the newest first."""
    seen = build.dagster_run.tags[AFTER_LOAD] if build else None
    runs = dg.RunsFilter(statuses=_ENDED, tags={BUILD_AFTER: [IN_ANY_CASE, IF_NEW]})
    records = instance.get_run_records(runs, limit=_LOADS_LOOKED_AT)
    loads = (record.dagster_run for record in records)
    return list(takewhile(lambda load: load.run_id != seen, loads))


def _not_yet(registry: Registry, build: dg.RunRecord | None) -> str | None:
    """Why loads that ask for a build only where they brought something get none now, or None."""
    settings = registry.settings
    if not read_build_state(settings).models.run_id:
        return "Nothing was built yet; the nightly run or `inventory run` builds it first."
    wait = settings.build_pause_minutes * 60
    if build is not None and time.time() - build.create_timestamp.timestamp() < wait:
        return f"The last build began less than {settings.build_pause_minutes} minutes ago."
    streams = {source.name for source in registry.sources.values() if source.is_streamed}
    if not unseen_loads(registry, without=streams):
        return "The loads since the last build brought nothing new."
    return None


def _window(registry: Registry, loads: Sequence[dg.DagsterRun]) -> Window | None:
    if any(load.tags.get(MONTHS) == ALL_MONTHS for load in loads):
        return all_months(registry.settings)
    # A tick that waits for the warehouse would hold up all other sensors.
    at_once = registry.settings.model_copy(update={"lock_timeout_seconds": 0})
    return next_window(replace(registry, settings=at_once), read_graph(at_once))
