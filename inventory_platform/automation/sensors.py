"""What looks for new files: one sensor for each source of files.

A file is new when no load took in its content yet; where it lies and what it is called does
not matter. What is looked for elsewhere is in the siblings: streams in `conditions.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import dagster as dg

from inventory_platform.assets.raw import raw_key
from inventory_platform.contracts.base import TableContract
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import contract_version
from inventory_platform.registry import Registry
from inventory_platform.sources.base import Input
from inventory_platform.sources.catalog import Source, resolve
from inventory_platform.sources.files import FileReader

INTERVAL_SECONDS = 30
_NAMES_SHOWN = 5


def build_file_sensors(registry: Registry) -> list[dg.SensorDefinition]:
    """One sensor for each source of files that has tables made of what newly arrives.

    They are on from the start: a sensor that waits to be switched on is one nobody finds.
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
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Loads the tables of {source.name} for which new files have arrived.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        del context
        arrived = list(_arrived(registry, source, contracts))
        if not arrived:
            return dg.SkipReason(f"No new files in {source.name}.")
        files = {file.fingerprint: file.name for _, new in arrived for file in new}
        names = sorted(files.values())
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        return dg.RunRequest(
            # The same batch is asked for once, also while its run has not finished.
            run_key=hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest(),
            asset_selection=[raw_key(contract) for contract, _ in arrived],
            tags={
                "inventory/source": source.name,
                "inventory/files": ", ".join(names[:_NAMES_SHOWN]) + more,
            },
        )

    return look


def _arrived(
    registry: Registry, source: Source, contracts: Sequence[TableContract]
) -> Iterator[tuple[TableContract, list[Input]]]:
    """The tables for which files have arrived that no load took in yet, with the files."""
    reader = resolve(source, registry.settings)[0].reader()
    if not isinstance(reader, FileReader):
        raise TypeError(f"{source.name} is no source of files")
    lake = Lake(registry.settings.lake_dir)
    for contract in contracts:
        known = lake.inputs(contract, contract_version(contract))
        new = [f for f in reader.arrivals(contract.source_table) if f.fingerprint not in known]
        if new:
            yield contract, new
