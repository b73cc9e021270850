"""What looks for new files: one sensor for each source of files.

A file is new when no load took in its content yet; where it lies and what it is called does
not matter. A batch whose run failed is asked for again a few times, ever later. What is looked
for elsewhere is in the siblings: streams in `conditions.py`, ended loads in `builds.py`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence

import dagster as dg

from inventory_platform.assets.raw import raw_key
from inventory_platform.automation.builds import BUILD_AFTER, IF_NEW
from inventory_platform.automation.environments import Trigger, sensor_status
from inventory_platform.contracts.base import TableContract
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import contract_version
from inventory_platform.registry import Registry
from inventory_platform.sources.base import Input
from inventory_platform.sources.catalog import Source, resolve
from inventory_platform.sources.files import FileReader

INTERVAL_SECONDS = 30
_NAMES_SHOWN = 5
_ATTEMPTS = 3
_FIRST_WAIT_SECONDS = 300
_GROWTH = 4
_BATCH = "inventory/batch"
_TAG_LENGTH = 32


def build_file_sensors(registry: Registry) -> list[dg.SensorDefinition]:
    """One sensor for each source of files that has tables made of what newly arrives.

    The models are built after what they loaded (`builds.py`), as after any load.
    """
    found = []
    for source in registry.sources.values():
        contracts = [c for c in registry.of_source(source.name).values() if c.increments]
        if source.kind == "file" and contracts:
            found.append(_file_sensor(registry, source, contracts))
    return found


def _file_sensor(
    registry: Registry, source: Source, contracts: Sequence[TableContract]
) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"new_files_{source.name}",
        target=dg.AssetSelection.assets(*map(raw_key, contracts)),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=sensor_status(registry.settings.environment, Trigger.new_files),
        description=f"Loads the tables of {source.name} for which new files have arrived.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        arrived = list(_arrived(registry, source, contracts))
        if not arrived:
            return dg.SkipReason(f"No new files in {source.name}.")
        files = {(f.fingerprint, f.declared): f.name for _, new in arrived for f in new}
        names = sorted(files.values())
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        batch = hashlib.sha256("\n".join(sorted(map(" ".join, files))).encode()).hexdigest()
        attempt = _next_attempt(context.instance, batch)
        if isinstance(attempt, dg.SkipReason):
            return attempt
        return dg.RunRequest(
            run_key=f"{batch} {attempt}",
            asset_selection=[raw_key(contract) for contract, _ in arrived],
            tags={
                BUILD_AFTER: IF_NEW,
                _BATCH: batch[:_TAG_LENGTH],
                "inventory/source": source.name,
                "inventory/files": ", ".join(names[:_NAMES_SHOWN]) + more,
            },
        )

    return look


def _next_attempt(instance: dg.DagsterInstance, batch: str) -> int | dg.SkipReason:
    """Number of the attempt to load a batch now, or why there is none."""
    runs = dg.RunsFilter(tags={_BATCH: batch[:_TAG_LENGTH]})
    records = instance.get_run_records(runs, limit=_ATTEMPTS)
    if not records:
        return 1
    newest, so_far = records[0], len(records)
    status = newest.dagster_run.status
    if status != dg.DagsterRunStatus.FAILURE:
        return dg.SkipReason(f"These files were asked for already; that run is {status.value}.")
    if so_far == _ATTEMPTS:
        return dg.SkipReason(f"Loading these files failed {so_far} times; the nightly run tries.")
    wait = _FIRST_WAIT_SECONDS * _GROWTH ** (so_far - 1)
    if time.time() - (newest.end_time or 0) < wait:
        return dg.SkipReason(f"Loading these files failed; again {wait // 60} minutes after that.")
    return so_far + 1


def _arrived(
    registry: Registry, source: Source, contracts: Sequence[TableContract]
) -> Iterator[tuple[TableContract, list[Input]]]:
    """The tables for which files have arrived that no load took in yet, with the files."""
    reader = resolve(source, registry.settings)[0].reader()
    if not isinstance(reader, FileReader):
        raise TypeError(f"{source.name} is no source of files")
    lake = Lake.of(registry.settings).as_of_now()
    for contract in contracts:
        known = lake.inputs(contract, contract_version(contract))
        new = [f for f in reader.arrivals(contract.source_table) if not f.is_among(known)]
        if new:
            yield contract, new
