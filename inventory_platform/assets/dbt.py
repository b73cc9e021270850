"""The dbt models as assets, their tests as checks.

Which models exist is dbt's business (`dbt_project/`); here is how they appear on the graph
and how dbt is run: one process, one writer, its manifest prepared only when it is out of
date.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtCliRuntimeError,
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)

from inventory_platform.assets.raw import POOL
from inventory_platform.contracts.dbt_files import stale_dbt_files, write_dbt_files
from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import contract_version
from inventory_platform.registry import Registry, code_version
from inventory_platform.settings import Settings
from inventory_platform.warehouse import Warehouse, dbt_environment, open_warehouse, refresh

_DBT = str(Path(sys.executable).parent / "inventory-dbt")


class Translator(DagsterDbtTranslator):
    """How a dbt node looks on the graph: layer as group, mart areas as groups of their own.

    Args:
        streams: Sources that push messages; what is built on them alone is live.
        live: When live models are built without anybody asking.
    """

    def __init__(
        self,
        streams: Collection[str],
        live: dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey],
    ) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_code_references=False, enable_asset_checks=True)
        )
        self.streams = streams
        self.live = live

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The asset of a dbt node."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] not in {"model", "seed"}:
            return spec
        owners = node.get("config", {}).get("meta", {}).get("dagster", {}).get("owners")
        is_live = LIVE in node["fqn"] or node["fqn"][-2] in self.streams
        return spec.replace_attributes(
            automation_condition=self.live if is_live else None,
            tags={**spec.tags, LIVE_TAG: ""} if is_live else spec.tags,
            key=dg.AssetKey([node["schema"], node["name"]]),
            group_name=_group(node),
            owners=owners or ["team:inventory"],
            kinds={"dbt", "duckdb"},
        )


LIVE = "live"
"""Folder of the models behind streams, in every layer."""

LIVE_TAG = "inventory/live"
"""Tag of the assets of all models behind streams, those in staging included."""


def _group(node: Mapping[str, Any]) -> str:
    folders = node["fqn"][1:-1]
    if node["resource_type"] == "seed":
        return "reference"
    if folders[:1] == ["marts"] and len(folders) > 1:
        return f"marts_{folders[1]}"
    return str(folders[0]) if folders else "models"


def manifest_path(settings: Settings) -> Path:
    """Where dbt leaves the description of the project."""
    return settings.dbt_dir / "target" / "manifest.json"


def prepare_manifest(registry: Registry) -> Path:
    """Bring dbt's description of the project up to date, where it is not.

    Source entries that differ from the contracts are written anew, with the staging models
    that are missing; the project is parsed if its manifest is older than what it describes.
    Processes that start at once take turns, and none ever reads half a manifest.

    Raises:
        InventoryError: dbt cannot parse the project; says why.
    """
    settings = registry.settings
    manifest = manifest_path(settings)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(dbt_environment(settings))
    with (manifest.parent / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for source in _sources_with_models(registry):
            contracts = registry.of_source(source)
            if stale_dbt_files(contracts, settings.dbt_dir):
                write_dbt_files(contracts, settings.dbt_dir)
        if not manifest.exists() or manifest.stat().st_mtime < _newest_input(settings):
            _parse(settings)
    return manifest


def _sources_with_models(registry: Registry) -> list[str]:
    """Every source, but of those without an entry only the ones whose models were kept."""
    staging = registry.settings.dbt_dir / "models" / "staging"
    retired = {c.source: None for c in registry.dormant.values()}
    return [*registry.sources, *(name for name in retired if (staging / name).is_dir())]


def _parse(settings: Settings) -> None:
    # dbt writes its files in place, where others may be reading the ones before.
    target = manifest_path(settings).parent
    aside = target / "parse"
    run_dbt(settings, "parse", "--target-path", str(aside))
    for name in ("partial_parse.msgpack", "manifest.json"):
        copy = target / f".{name}.tmp"
        shutil.copyfile(aside / name, copy)
        copy.replace(target / name)


def _input_files(settings: Settings) -> list[Path]:
    folders = [settings.dbt_dir / name for name in ("models", "macros", "tests")]
    folders.append(settings.dbt_dir.parent / "seeds" / "reference")
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted([settings.dbt_dir / "dbt_project.yml", settings.dbt_dir / "profiles.yml", *found])


def _newest_input(settings: Settings) -> float:
    files = _input_files(settings)
    # A folder changes when a file in it is removed, which no file's own time would tell.
    return max(path.stat().st_mtime for path in {*files, *(file.parent for file in files)})


def run_dbt(settings: Settings, *arguments: str) -> str:
    """Run a dbt command in a process of its own and return what it printed.

    Raises:
        InventoryError: The command failed; carries dbt's own last lines.
    """
    command = [
        _DBT,
        *arguments,
        "--project-dir",
        str(settings.dbt_dir),
        "--profiles-dir",
        str(settings.dbt_dir),
    ]
    result = subprocess.run(
        command,
        env={**os.environ, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        tail = "\n".join(result.stdout.strip().splitlines()[-15:])
        raise InventoryError(
            f"`dbt {arguments[0]}` failed:\n{tail}", "Correct the model or file that dbt names."
        )
    return result.stdout


def docs_page(settings: Settings) -> Path:
    """The models' documentation as one static page."""
    return settings.docs_dir / "dbt" / "static_index.html"


def write_docs(settings: Settings) -> None:
    """Write the models' documentation.

    Raises:
        InventoryError: dbt failed.
    """
    target = docs_page(settings).parent
    run_dbt(settings, "docs", "generate", "--static", "--target-path", str(target))


@dataclass(frozen=True)
class BuildState:
    """What is known of the last build of the models; kept in a file, so a kill leaves its trace.

    Attributes:
        complete: Whether all models were built to the end with every blocking test passed.
        run_id: The run that built last.
        inputs: Fingerprint of what the last build of all models was made from.
        loads: Raw relation → newest load that build saw.
    """

    complete: bool = False
    run_id: str = ""
    inputs: str = ""
    loads: Mapping[str, str] = field(default_factory=dict)


def read_build_state(settings: Settings) -> BuildState:
    """What is known of the last build; incomplete before the first."""
    path = settings.data_dir / "build_state.json"
    return BuildState(**json.loads(path.read_text())) if path.exists() else BuildState()


def _write_build_state(settings: Settings, state: BuildState) -> None:
    path = settings.data_dir / "build_state.json"
    staged = path.with_suffix(".tmp")
    staged.write_text(json.dumps(asdict(state)))
    staged.replace(path)


def forget_build(settings: Settings) -> None:
    """Count the models as not built: nothing of them is published until they are built again."""
    _write_build_state(settings, BuildState())


def newest_loads(registry: Registry) -> dict[str, str]:
    """Raw relation → its newest committed load."""
    lake = Lake(registry.settings.lake_dir)
    return {
        relation: ids[-1]
        for relation, contract in registry.relations.items()
        if (ids := lake.load_ids(contract))
    }


def build_inputs(registry: Registry) -> str:
    """A fingerprint of everything the models are made from: raw files, SQL, seeds, code."""
    lake = Lake(registry.settings.lake_dir)
    digest = hashlib.sha256(code_version().encode())
    for relation, contract in registry.relations.items():
        newest = lake.files("raw", contract)[-1:]
        digest.update(f"{relation} {contract_version(contract)} {newest}".encode())
    for path in _input_files(registry.settings):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def build_dbt_assets(
    registry: Registry, live: dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]
) -> dg.AssetsDefinition:
    """All dbt models as one multi-asset, built by one `dbt build`.

    `live` says when the models behind streams are built without anybody asking.
    """
    settings = registry.settings
    manifest = prepare_manifest(registry)

    relations = {
        unique_id: f"{node['schema']}.{node['name']}"
        for unique_id, node in json.loads(manifest.read_text())["nodes"].items()
        if node["resource_type"] in {"model", "seed"} and node["config"]["materialized"] != "view"
    }

    streams = {source.name for source in registry.sources.values() if source.is_streamed}

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=Translator(streams, live),
        name="dbt",
        pool=POOL,
    )
    def models(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: Warehouse
    ) -> Iterator[Any]:
        del warehouse
        refresh(settings, registry.relations)
        state = read_build_state(settings)
        # A build of some models completes nothing that a build of all left incomplete.
        if not context.is_subset:
            state = BuildState(
                complete=True, inputs=build_inputs(registry), loads=newest_loads(registry)
            )
        state = replace(state, run_id=context.run_id)
        _write_build_state(settings, replace(state, complete=False))
        invocation = dbt.cli(["build"], context=context)
        events: list[Any] = []
        failure: DagsterDbtCliRuntimeError | None = None
        try:
            events.extend(invocation.stream())
        except DagsterDbtCliRuntimeError as error:
            failure = error
        shutil.rmtree(invocation.target_path, ignore_errors=True)
        # dbt has closed the warehouse only now, so rows are counted at the end, all at once;
        # Dagster's own counting waits for it by polling without a pause.
        yield from _with_row_counts(events, relations, settings)
        if failure is not None:
            raise failure
        _write_build_state(settings, state)

    return models


def _with_row_counts(
    events: Sequence[Any], relations: Mapping[str, str], settings: Settings
) -> Iterator[Any]:
    with open_warehouse(settings) as con:
        for event in events:
            unique_id = event.metadata["unique_id"].value
            if not isinstance(event, dg.Output) or unique_id not in relations:
                yield event
                continue
            counted = con.execute(f"select count(*) from {relations[unique_id]}").fetchone()
            rows = int(counted[0]) if counted else 0
            yield event.with_metadata({**event.metadata, "dagster/row_count": rows})


def dbt_resource(settings: Settings) -> DbtCliResource:
    """The dbt command line for the models' asset."""
    return DbtCliResource(
        project_dir=str(settings.dbt_dir),
        profiles_dir=str(settings.dbt_dir),
        dbt_executable=_DBT,
    )
