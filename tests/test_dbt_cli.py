"""The dbt command line of the platform: one reading of a project serves every warehouse."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.warehouse import dbt_environment

DBT = Path(sys.executable).parent / "inventory-dbt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small project, parsed with a warehouse of its own."""
    made = tmp_path_factory.mktemp("dbt")
    models = made / "project" / "models"
    models.mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml", "models/_groups.yml"):
        shutil.copy(PROJECT_DIR / "dbt_project" / name, made / "project" / name)
    (models / "answer.sql").write_text(
        "{{ config(materialized='table') }} select 42 as answer, "
        "current_setting('threads') as threads, current_setting('memory_limit') as memory"
    )
    assert "Unable to do partial parsing" in dbt(made, "one", "parse", "--project-dir", "project")
    return made


def dbt(folder: Path, warehouse: str, command: str, *arguments: str, **env: str) -> str:
    """What dbt says, started in the folder, of a warehouse in a folder beside the project."""
    (folder / warehouse).mkdir(exist_ok=True)
    # Definitions loaded in this process leave the settings of their own warehouse behind.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "INVENTORY_"))}
    result = subprocess.run(
        [DBT, "--debug", command, *arguments, "--profiles-dir", "project"],
        env=kept | {"INVENTORY_WAREHOUSE": str(folder / warehouse / "warehouse.duckdb")} | env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_project_read_with_one_warehouse_is_not_read_anew_with_another(folder: Path) -> None:
    said = dbt(folder, "two", "build", "--project-dir=project")
    assert "Unable to do partial parsing" not in said
    assert "0 files deleted, 0 files added, 0 files changed" in said


def test_the_warehouse_that_is_named_is_the_one_built_in(folder: Path) -> None:
    dbt(folder, "three", "build", "--project-dir", "project", "--log-path=kept")
    with duckdb.connect(str(folder / "three" / "warehouse.duckdb"), read_only=True) as con:
        assert con.sql("select answer from main.answer").fetchall() == [(42,)]
    assert not (folder / "one" / "warehouse.duckdb").exists()
    assert (folder / "kept" / "dbt.log").exists()


def test_dbt_takes_no_more_threads_and_memory_than_the_settings_give(folder: Path) -> None:
    settings = Settings(data_dir=folder / "four", threads=3, memory_limit="768MB")
    env = dbt_environment(settings)
    dbt(folder, "four", "build", "--project-dir", "project", **env)
    with duckdb.connect(env["INVENTORY_WAREHOUSE"], read_only=True) as con:
        (row,) = con.sql("select threads, memory from main.answer").fetchall()
    assert row == (3, "732.4 MiB")
