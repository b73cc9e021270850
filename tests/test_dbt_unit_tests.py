"""The models' own unit tests: hand-computed rows, in the YAML beside each model.

They say something of the SQL and nothing of the data, so they run here, once, and not in builds.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inventory_platform.assets.dbt_project import prepare_manifest, run_dbt
from inventory_platform.duck import identifier
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings
from inventory_platform.warehouse import open_warehouse, refresh

pytestmark = pytest.mark.slow


def test_every_unit_test_of_the_models_passes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    registry = read_registry(settings)
    manifest = json.loads(prepare_manifest(registry).read_text())
    refresh(settings, registry.relations)
    with open_warehouse(settings) as con:
        con.execute("create schema planning")
        for source in manifest["sources"].values():
            if source["schema"] == "planning":
                columns = ", ".join(
                    f"{identifier(c['name'])} {c['data_type']}" for c in source["columns"].values()
                )
                con.execute(f"create table planning.{identifier(source['identifier'])} ({columns})")
    folders = ("--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs"))
    # A unit test asks the tables above its model for their columns: empty ones will do.
    tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    run_dbt(settings, "build", "--empty", *tests, *folders)
    run_dbt(settings, "test", "--select", "test_type:unit", *folders)
    results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    assert len(results) == len(manifest["unit_tests"]) > 10
