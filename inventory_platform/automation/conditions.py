"""When assets are built without anybody asking: declarative automation.

What runs at a fixed time or by hand is in `jobs.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from inventory_platform.assets.dbt import LIVE_TAG
from inventory_platform.assets.dbt_graph import BY_MONTH
from inventory_platform.automation.environments import Trigger, sensor_status
from inventory_platform.settings import Environment

_LIVE_SECONDS = 30


def live(streams: Iterable[str]) -> dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]:
    """When models behind a stream are built: as soon as a load was reported for their source.

    Loads that come while a build runs are taken together by the next one, so builds never
    queue up, however many loads there are. Live models read others too, such as the book of
    stock: those must be there, but that they were built anew starts nothing. A month of a big
    fact that is missing holds nothing up.

    Args:
        streams: The sources that push messages, which are the groups of their raw tables.
    """
    of_streams = dg.AssetSelection.groups(*streams) | dg.AssetSelection.tag(LIVE_TAG, "")
    updated = dg.AutomationCondition.any_deps_updated()
    return (
        dg.AutomationCondition.eager()
        .replace(updated, updated.allow(of_streams))
        .ignore(dg.AssetSelection.tag(BY_MONTH, ""))
        .with_label("a load of the stream came in")
    )


def live_sensor(
    models: Iterable[dg.AssetKey], environment: Environment
) -> dg.AutomationConditionSensorDefinition:
    """What looks for new loads and starts the builds.

    Args:
        models: The models that have the condition `live`.
        environment: Decides whether it is on from the start.
    """
    return dg.AutomationConditionSensorDefinition(
        "live_models",
        target=dg.AssetSelection.assets(*models),
        default_status=sensor_status(environment, Trigger.live_models),
        minimum_interval_seconds=_LIVE_SECONDS,
        description="Builds the live models after the loads that `inventory stream` reports.",
    )
