"""When a look is taken at what is wrong: with every tick of one sensor.

What is looked at and who is told is in `operations/alerts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import dagster as dg

from inventory_platform.errors import LandingError
from inventory_platform.operations.alerts.config import read_config
from inventory_platform.operations.alerts.watch import Look, look
from inventory_platform.registry import Registry

ALERTS = "alerts"
INTERVAL_SECONDS = 30


def build_alert_sensor(
    registry: Registry,
    specs: Callable[[], Iterable[dg.AssetSpec]],
    status: dg.DefaultSensorStatus,
) -> dg.SensorDefinition:
    """The sensor that tells people what is wrong; it starts no runs.

    Args:
        registry: What is loaded.
        specs: Gives the assets, for how fresh they must be.
        status: Whether it is on from the start.

    Raises:
        SettingsError: `alerts.toml` is wrong.
    """
    config = read_config(registry.settings)

    @dg.sensor(
        name=ALERTS,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=status,
        description=(
            "Tells failed runs, failing checks, stale data, rejected rows, unusual stock and disk "
            "space over the channels of alerts.toml: once for each cause, and when it is over."
        ),
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            found = look(registry, config, context.instance, specs())
        except LandingError:
            return dg.SkipReason("Another process is looking at the moment.")
        for alert in found.told:
            context.log.info(alert.headline)
        for problem in found.problems:
            context.log.warning(problem)
        return dg.SkipReason(_summary(found))

    return alerts


def _summary(found: Look) -> str:
    told = f"{found.open} open, {len(found.told)} told now, {len(found.sent)} messages sent."
    return " ".join([told, *found.problems])
