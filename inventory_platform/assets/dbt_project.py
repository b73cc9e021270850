"""dbt as a program: its manifest, prepared only when it is out of date, and its command line.

What the manifest says about models is `dbt_graph.py`; how models stand on the asset graph and
are built there is `dbt.py`.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource

from inventory_platform.contracts.dbt_files import stale_dbt_files, write_dbt_files
from inventory_platform.errors import InventoryError
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings
from inventory_platform.warehouse import dbt_environment, open_warehouse

_DBT = str(Path(sys.executable).parent / "inventory-dbt")


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


def input_files(settings: Settings) -> list[Path]:
    """Every file the project is described by, its own and the seeds."""
    folders = [settings.dbt_dir / name for name in ("models", "macros", "tests")]
    folders.append(settings.dbt_dir.parent / "seeds" / "reference")
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted([settings.dbt_dir / "dbt_project.yml", settings.dbt_dir / "profiles.yml", *found])


def _newest_input(settings: Settings) -> float:
    files = input_files(settings)
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


def write_docs(settings: Settings, site: Path) -> dict[str, str]:
    """Write dbt's own page of the models into a site that is being made.

    Tests are not compiled for it: there are four for each model, and nobody reads their SQL here.

    Args:
        settings: Where everything is.
        site: Folder of the site.

    Returns:
        Model, by its unique id → its SQL as dbt compiled it.

    Raises:
        WarehouseError: A pipeline has the warehouse open.
        InventoryError: dbt failed.
    """
    with open_warehouse(settings):
        pass  # said plainly here, at length by dbt
    parsed = manifest_path(settings).with_name("partial_parse.msgpack")
    page = site / docs_page(settings).relative_to(settings.docs_dir)
    page.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=".dbt-") as target:
        run_dbt(
            settings,
            *("docs", "generate", "--static", "--target-path", target),
            *("--partial-parse-file-path", str(parsed)),
            *("--exclude", "resource_type:test", "resource_type:unit_test"),
        )
        shutil.copyfile(Path(target) / page.name, page)
        nodes = json.loads((Path(target) / "manifest.json").read_text())["nodes"]
    return {name: n["compiled_code"] for name, n in nodes.items() if n.get("compiled_code")}


class _Dbt(DbtCliResource):
    """dbt as a program only: nothing of it is set up in this process.

    Dagster would read the project anew before every command to look at tables, which the
    platform does itself.
    """

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        del args


def dbt_resource(settings: Settings) -> DbtCliResource:
    """The dbt command line for the models' asset."""
    return _Dbt(
        project_dir=str(settings.dbt_dir),
        profiles_dir=str(settings.dbt_dir),
        dbt_executable=_DBT,
        # Its own account of project and results, which nobody reads, takes seconds to write.
        global_config_flags=["--no-write-json"],
    )
