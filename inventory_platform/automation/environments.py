"""What is on from the start in which environment: one table, and nothing to be clicked.

Somebody who switches a schedule or sensor in Dagster's pages overrules it until they reset it
there.
"""

from __future__ import annotations

from enum import StrEnum

import dagster as dg

from inventory_platform.settings import Environment


class Trigger(StrEnum):
    """What starts runs, or tells of them, by itself."""

    schedules = "schedules"
    new_files = "new_files"
    builds = "builds"
    live_models = "live_models"
    reports = "reports"
    """What looks at runs and data and tells people: health and alerts."""


ON: dict[Environment, frozenset[Trigger]] = {
    # Asleep at night, so nothing is promised for a time of day.
    Environment.laptop: frozenset(Trigger) - {Trigger.schedules},
    Environment.server: frozenset(Trigger),
    # Tests and checks of a change start what they need by themselves.
    Environment.ci: frozenset(),
}


def sensor_status(environment: Environment, trigger: Trigger) -> dg.DefaultSensorStatus:
    """Whether a sensor is on from the start."""
    is_on = trigger in ON[environment]
    return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED


def schedule_status(environment: Environment) -> dg.DefaultScheduleStatus:
    """Whether schedules are on from the start."""
    is_on = Trigger.schedules in ON[environment]
    return dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED
