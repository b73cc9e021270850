"""The warehouse encrypted at rest: unreadable without its key, usable by platform and dbt."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from inventory_platform.definitions import build_definitions
from inventory_platform.encryption import check_unreadable, require_encryption, warehouse_key
from inventory_platform.errors import SettingsError, WarehouseError
from inventory_platform.operations.runs import execute
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.warehouse import Warehouse, dbt_environment, open_warehouse

KEY = "not a secret, only long enough to be one"
VARIABLE = "INVENTORY_WAREHOUSE_KEY"
TEXT = "a text to look for in the file of the warehouse"


@pytest.fixture
def settings(tmp_path, extensions, monkeypatch):
    monkeypatch.setenv(VARIABLE, KEY)
    data = tmp_path / "data"
    data.mkdir()
    (data / "duckdb_extensions").symlink_to(extensions)
    return Settings(data_dir=data, threads=1)


def fill(settings):
    with open_warehouse(settings) as con:
        con.execute(f"create table kept as select '{TEXT}' as text, i from range(1000) t(i)")
        con.execute("create view shown as from kept")
        con.execute("checkpoint")


def test_what_is_kept_cannot_be_read_without_the_key(settings):
    fill(settings)
    assert TEXT.encode() not in settings.warehouse_file.read_bytes()
    with pytest.raises(duckdb.CatalogException, match="without a key"):
        duckdb.connect(str(settings.warehouse_file))
    with open_warehouse(settings) as con:
        assert con.execute("select count(*), min(text) from shown").fetchall() == [(1000, TEXT)]


def test_without_a_key_it_can_be_read(settings, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    fill(settings)
    assert TEXT.encode() in settings.warehouse_file.read_bytes()


def test_steps_of_a_run_share_the_file_and_release_it(settings):
    warehouse = Warehouse(settings)
    with warehouse.connect() as con:
        con.execute("create table made as select 1 as x")
        with warehouse.connect() as other:
            assert other.execute("from made").fetchall() == [(1,)]
    with warehouse.connect() as con:
        assert con.execute("from made").fetchall() == [(1,)]
    warehouse.release()
    reading = (
        "from inventory_platform.settings import Settings\n"
        "from inventory_platform.warehouse import open_warehouse\n"
        f"settings = Settings(data_dir={str(settings.data_dir)!r})\n"
        "with open_warehouse(settings) as con: print(con.execute('from made').fetchall())"
    )
    done = subprocess.run([sys.executable, "-c", reading], capture_output=True, text=True)
    assert done.stdout == "[(1,)]\n", done.stderr


def test_a_run_without_the_key_says_once_what_is_missing(settings, tmp_path, monkeypatch):
    @dg.job
    def nothing():
        pass

    fill(settings)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(WarehouseError, match=f"is encrypted, and {VARIABLE} is not set"):
        execute(
            settings, dg.Definitions(jobs=[nothing]), "nothing",
            log_file=settings.data_dir / "logs" / "run.log", on_event=lambda _: None,
        )  # fmt: skip
    # What a caller asks for wrongly stays what it is.
    settings.warehouse_file.unlink()
    with pytest.raises(duckdb.CatalogException, match="nowhere"), open_warehouse(settings) as con:
        con.execute("from nowhere")


@pytest.mark.parametrize("other", [None, "another key that is long enough as well"])
def test_another_key_and_a_file_without_one_are_told(settings, monkeypatch, other):
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, other or "")
        fill(settings)
    with (
        pytest.raises(WarehouseError, match="inventory rebuild") as error,
        open_warehouse(settings),
    ):
        pass
    assert KEY not in str(error.value)


def test_the_key_may_stand_in_a_file(tmp_path, monkeypatch):
    assert warehouse_key(Settings(data_dir=tmp_path)) is None
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    monkeypatch.setenv(f"{VARIABLE}_FILE", str(file))
    assert warehouse_key(Settings(data_dir=tmp_path)) == KEY


def test_the_start_is_refused_without_a_key_if_encryption_is_required(settings, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    asked = settings.model_copy(update={"require_encryption": True})
    with pytest.raises(SettingsError, match="INVENTORY_WAREHOUSE_KEY"):
        build_definitions(asked)


def test_the_test_of_the_start_passes_with_a_key_and_leaves_nothing(settings):
    require_encryption(settings)
    assert list(settings.temp_dir.glob("probe-*")) == []


def test_a_file_that_can_be_read_does_not_pass_the_test_of_the_start(settings, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    fill(settings)
    with pytest.raises(SettingsError, match="opened without the key"):
        check_unreadable(settings.warehouse_file, TEXT)


def test_dbt_builds_in_an_encrypted_warehouse(settings, tmp_path):
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text(
        "name: tried\nprofile: inventory\nmodel-paths: [models]\n"
        "models: {tried: {+materialized: table, +schema: marts}}\n"
    )
    (project / "models" / "made.sql").write_text("select text, i from main.kept where i < 3")
    (project / "models" / "again.sql").write_text("select count(*) as n from {{ ref('made') }}")
    fill(settings)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("inventory-dbt")), "build",
            "--project-dir", str(project), "--profiles-dir", str(PROJECT_DIR / "dbt_project"),
        ],
        env={**os.environ, **dbt_environment(settings)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    with open_warehouse(settings) as con:
        assert con.execute("select n from main_marts.again").fetchall() == [(3,)]
    written = [p for p in project.rglob("*") if p.is_file()]
    assert any(json.loads(p.read_text()) for p in written if p.name == "manifest.json")
    assert not any(KEY.encode() in p.read_bytes() for p in written)
    assert KEY not in done.stdout
