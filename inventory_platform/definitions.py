"""The Dagster code location: everything assembled once, policy applied once.

`build_definitions` is what tests and the command line call too. No wiring elsewhere.
"""

from __future__ import annotations

import dagster as dg

from asset_checks import build_asset_checks
from asset_checks.completeness import LATE_DATA
from inventory_platform.assets.dbt import LIVE, build_dbt_assets
from inventory_platform.assets.dbt_graph import BY_MONTH, Part
from inventory_platform.assets.dbt_project import dbt_resource
from inventory_platform.assets.destinations import build_destination_assets
from inventory_platform.assets.matching import build_matching_asset
from inventory_platform.assets.operations import operations_asset
from inventory_platform.assets.pages import build_pages_assets
from inventory_platform.assets.planning import build_planning_assets
from inventory_platform.assets.published import (
    LIVE_MARTS,
    build_live_asset,
    build_published_asset,
)
from inventory_platform.assets.raw import build_dormant_assets, build_raw_assets
from inventory_platform.automation.alerts import build_alert_sensor
from inventory_platform.automation.backups import build_backup_jobs
from inventory_platform.automation.builds import build_builds_sensor
from inventory_platform.automation.conditions import live, live_sensor
from inventory_platform.automation.environments import Trigger, sensor_status
from inventory_platform.automation.health import build_history_sensor
from inventory_platform.automation.jobs import build_jobs
from inventory_platform.automation.maintenance import build_maintenance_job
from inventory_platform.automation.schedules import build_schedules
from inventory_platform.automation.sensors import build_file_sensors
from inventory_platform.encryption import require_encryption
from inventory_platform.publishing.destinations import read_destinations
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings, get_settings
from inventory_platform.warehouse import warehouse_resource


def build_definitions(settings: Settings | None = None) -> dg.Definitions:
    """Assemble the platform.

    Args:
        settings: Where everything is; the environment's when omitted.

    Raises:
        InventoryError: A setting, a source entry or a contract is wrong.
    """
    settings = settings or get_settings()
    if settings.require_encryption:
        require_encryption(settings)
    registry = read_registry(settings)
    condition = live(name for name, source in registry.sources.items() if source.is_streamed)
    dbt = build_dbt_assets(registry, condition)
    models = {key: spec for part in dbt for key, spec in part.specs_by_key.items()}
    checks = build_asset_checks(registry, models)
    marts = [key for key in models if key.path[0] == "marts"]
    facts = [key for key, spec in models.items() if BY_MONTH in spec.tags]
    live_marts = [key for key in marts if models[key].group_name == f"marts_{LIVE}"]
    live_assets = [key for key, spec in models.items() if spec.automation_condition]
    # Without a source that pushes messages there is nothing live.
    live_publication = [build_live_asset(registry, live_marts, condition)] if live_marts else []
    environment = settings.environment
    live_sensors = [live_sensor([*live_assets, LIVE_MARTS], environment)] if live_marts else []
    parts = [Part(part.op.name) for part in dbt]
    late_data = [spec.key for c in checks for spec in c.check_specs if spec.name == LATE_DATA]
    blocking = [spec.key for check in checks for spec in check.check_specs if spec.blocking]
    jobs = build_jobs(registry.sources, facts, late_data)
    of_loads = [key for key in blocking if key.asset_key.path[0] == "raw"]
    destinations = read_destinations(settings, [key.path[-1] for key in marts], registry.contracts)
    definitions = dg.Definitions(
        assets=[
            *build_pages_assets(registry),
            *build_raw_assets(registry),
            *build_dormant_assets(registry),
            build_matching_asset(registry),
            *build_planning_assets(registry),
            *dbt,
            build_published_asset(registry, parts, marts, blocking),
            *live_publication,
            operations_asset(),
            *build_destination_assets(
                settings, destinations.values(), tables=registry.contracts, blocking=blocking
            ),
        ],
        asset_checks=checks,
        jobs=[*jobs, build_maintenance_job(settings), *build_backup_jobs(settings)],
        schedules=build_schedules(registry),
        sensors=[
            *build_file_sensors(registry),
            build_builds_sensor(registry, jobs, of_loads),
            *live_sensors,
            build_history_sensor(registry, lambda: definitions.resolve_all_asset_specs()),
            build_alert_sensor(
                registry,
                lambda: definitions.resolve_all_asset_specs(),
                sensor_status(environment, Trigger.reports),
            ),
        ],
        resources={"dbt": dbt_resource(settings), "warehouse": warehouse_resource(settings)},
        # One DuckDB file has one writer: steps run one after another in one process.
        executor=dg.in_process_executor,
    )
    return definitions


@dg.definitions
def defs() -> dg.Definitions:
    """The platform with the settings of the environment."""
    return build_definitions()
