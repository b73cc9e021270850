"""Words of the command line that mean nothing: refused by name, and nothing is done."""

from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from inventory_platform.automation.jobs import REFRESH
from inventory_platform.cli import app
from inventory_platform.errors import PublishError, SettingsError
from inventory_platform.operations.retention import RetentionError
from inventory_platform.operations.runs import execute
from inventory_platform.publishing.power_bi import write_project
from inventory_platform.settings import Settings, get_settings

RAN: list[str] = []


@dg.asset
def stock() -> None:
    RAN.append("stock")


@dg.asset
def elsewhere() -> None:
    RAN.append("elsewhere")


DEFINITIONS = dg.Definitions(
    assets=[stock, elsewhere],
    jobs=[dg.define_asset_job(REFRESH, selection="stock")],
    executor=dg.in_process_executor,
)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs a command in an empty data folder."""

    def run(*words: str):
        get_settings.cache_clear()
        with monkeypatch.context() as patch:
            patch.setenv("INVENTORY_DATA_DIR", str(tmp_path / "data"))
            patch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
            result = CliRunner().invoke(app, [*words])
        get_settings.cache_clear()
        return result

    return run


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ("key:nope", "names no asset that is here"),
        ("group:nope", "names no asset that is here"),
        ("key:elsewhere", "names no asset that is here"),
        ("", "cannot be read"),
        ("nope:::", "cannot be read"),
    ],
)
def test_a_selection_of_nothing_does_not_run_everything(tmp_path, selection, told):
    def run(assets: str):
        return execute(
            Settings(data_dir=tmp_path / "data", threads=1),
            DEFINITIONS,
            REFRESH,
            assets=assets,
            log_file=tmp_path / "log",
            on_event=lambda _: None,
        )

    RAN.clear()
    with pytest.raises(SettingsError, match=told):
        run(selection)
    assert RAN == []


def test_an_empty_selection_is_not_taken_for_none(command, monkeypatch):
    monkeypatch.setattr("inventory_platform.cli.run._platform", lambda _: (DEFINITIONS, None))
    refused = command("run", "--select", "")
    assert isinstance(refused.exception, SettingsError)
    assert "The selection ''" in refused.exception.what


@pytest.mark.parametrize("load", ["", "20200101T000000000000", "yesterday"])
def test_the_state_after_no_load_is_refused_before_anything_is_dropped(
    command, tmp_path, monkeypatch, load
):
    monkeypatch.setattr("inventory_platform.cli.run._platform", lambda _: pytest.fail("it went on"))
    warehouse = tmp_path / "data" / "warehouse.duckdb"
    warehouse.parent.mkdir()
    warehouse.write_text("kept")
    assert isinstance(command("rebuild", "--as-of", load).exception, RetentionError)
    assert warehouse.read_text() == "kept"


@pytest.mark.parametrize(
    "words",
    [
        ["query", "select 1", "--limit", "-5"],
        ["quarantine", "show", "shop__items", "--limit", "-5"],
        ["stream", "shop_events", "--seconds", "inf"],
        ["stream", "shop_events", "--seconds", "nan"],
        ["verify", "--backup-id", "20260101T000000000000"],
    ],
    ids=" ".join,
)
def test_what_means_nothing_is_a_wrong_use(command, words):
    refused = command(*words)
    assert (refused.exit_code, "Traceback" in refused.output) == (2, False)


def test_an_empty_address_of_a_backup_is_not_the_lake(command):
    refused = command("verify", "--backup", "")
    assert isinstance(refused.exception, SettingsError)


def test_a_project_that_cannot_be_written_names_the_folder(tmp_path):
    in_the_way: Path = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(PublishError, match=r"cannot be written to .*file/project"):
        write_project({"a.txt": "a"}, in_the_way / "project")
