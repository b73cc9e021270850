"""What keeps the history of operations up to date while nobody asks.

What is recorded, and how, is in `operations/history/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import dagster as dg

from inventory_platform.automation.environments import Trigger, sensor_status
from inventory_platform.operations.history import has_news, record_history
from inventory_platform.registry import Registry

_INTERVAL_SECONDS = 10


def build_history_sensor(
    registry: Registry, specs: Callable[[], Iterable[dg.AssetSpec]]
) -> dg.SensorDefinition:
    """What records the history after every run, whether it succeeded, failed or was cancelled.

    It asks which runs changed instead of waiting for events of one kind, so it also sees runs
    that ended while it was not running, and a burst of runs is recorded at once.

    Args:
        registry: The tables, and where everything is.
        specs: Gives every asset.
    """

    @dg.sensor(
        name="operations_history",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=sensor_status(registry.settings.environment, Trigger.reports),
        description=(
            "Records runs, checks, loads, freshness and sizes after every run, and each hour."
        ),
    )
    def record(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if not has_news(registry, context.instance):
            return dg.SkipReason("No run changed.")
        publication = record_history(registry, context.instance, specs())
        return dg.SkipReason(f"Recorded: version {publication.version}.")

    return record
