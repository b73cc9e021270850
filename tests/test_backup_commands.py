"""Backups from the command line and by themselves: what is printed, exit codes, failed runs."""

import dagster as dg
import pytest
from typer.testing import CliRunner

from inventory_platform.automation.backups import build_backup_jobs
from inventory_platform.automation.schedules import build_schedules
from inventory_platform.cli import app
from inventory_platform.errors import BackupError
from inventory_platform.landing.lake import Lake
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings, get_settings


@pytest.fixture
def command(monkeypatch):
    """Runs a command with settings of the environment."""

    def run(*words, **environment):
        get_settings.cache_clear()
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(f"INVENTORY_{name}", str(value))
            result = CliRunner().invoke(app, [*words])
        get_settings.cache_clear()
        return result

    return run


@pytest.fixture
def loaded(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", "two")])
    shop.load(items)
    return shop.settings.data_dir


def test_the_commands_of_a_drill_lead_from_a_loaded_folder_to_the_same_one(
    command, loaded, tmp_path, items
):
    key, new = tmp_path / "key", tmp_path / "new"
    told = command("backup-key", str(key))
    assert (told.exit_code, key.stat().st_mode & 0o777) == (0, 0o600)
    assert "AGE-SECRET-KEY" not in told.output
    here = {"BACKUP_ADDRESS": tmp_path / "backups", "BACKUP_KEY_FILE": key}
    made = command("backup", DATA_DIR=loaded, **here)
    assert made.exit_code == 0
    assert "(encrypted): " in made.output
    assert command("backup", "--list", DATA_DIR=loaded, **here).output.count("yes") == 1
    address = str(tmp_path / "backups")
    checked = command("verify", "--backup", address, DATA_DIR=new, BACKUP_KEY_FILE=key)
    assert (checked.exit_code, "0 missing or damaged" in checked.output) == (0, True)
    back = command("restore", DATA_DIR=new, **here)
    assert back.exit_code == 0
    assert "all verified" in back.output
    assert "1 records of 2 rows read" in back.output
    found = command("verify", DATA_DIR=new, **here)
    assert found.exit_code == 0
    assert "3 equal to the newest backup; 0 problems" in found.output
    assert Lake(new / "lake").load_ids(items) == Lake(loaded / "lake").load_ids(items)
    again = command("restore", DATA_DIR=new, **here)
    assert isinstance(again.exception, BackupError)


def test_damage_is_told_with_exit_code_3(command, loaded, tmp_path):
    address = str(tmp_path / "backups")
    command("backup", "--to", address, DATA_DIR=loaded)
    next(loaded.glob("lake/raw/**/*.parquet")).unlink()
    live = command("verify", DATA_DIR=loaded)
    assert (live.exit_code, "is missing" in live.output) == (3, True)
    next(p for p in (tmp_path / "backups" / "objects").rglob("*") if p.is_file()).unlink()
    stored = command("verify", "--backup", address, DATA_DIR=loaded)
    assert (stored.exit_code, "1 missing or damaged" in stored.output) == (3, True)


def test_no_key_file_is_overwritten(command, tmp_path):
    key = tmp_path / "key"
    key.write_text("precious")
    assert isinstance(command("backup-key", str(key)).exception, BackupError)
    assert key.read_text() == "precious"


def test_where_no_address_is_set_nothing_is_backed_up_by_itself(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert build_backup_jobs(settings) == []
    names = {schedule.name for schedule in build_schedules(read_registry(settings))}
    assert "backup" not in names


def test_where_an_address_is_set_it_is_done_every_day(tmp_path):
    settings = Settings(data_dir=tmp_path, backup_address=str(tmp_path / "b"), environment="server")
    schedule = {s.name: s for s in build_schedules(read_registry(settings))}["backup"]
    assert (schedule.cron_schedule, schedule.job_name) == ("30 5 * * *", "back_up")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    [job] = build_backup_jobs(settings)
    assert job.name == "back_up"


def test_a_backup_that_fails_is_a_failed_run_which_alerts_tell(loaded, tmp_path):
    address = tmp_path / "backups"
    settings = Settings(data_dir=loaded, threads=1, backup_address=str(address))
    [job] = build_backup_jobs(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance, raise_on_error=False).success
        (address / "objects").rename(tmp_path / "aside")
        (address / "objects").write_text("in the way")
        failed = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not failed.success
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]


def test_an_empty_folder_is_not_backed_up_over_a_full_one_and_removes_none(
    command, loaded, tmp_path
):
    here = {"BACKUP_ADDRESS": tmp_path / "backups", "BACKUP_KEEP": 1}
    command("backup", DATA_DIR=loaded, **here)
    (full,) = (tmp_path / "backups/backups").iterdir()
    unmounted = {**here, "DATA_DIR": tmp_path / "unmounted"}
    for _ in range(2):
        refused = command("backup", **unmounted)
        assert isinstance(refused.exception, BackupError)
        assert "loads/shop/items/" in refused.exception.what
    assert list((tmp_path / "backups/backups").iterdir()) == [full]
    checked = command("verify", **unmounted)
    assert (checked.exit_code, "is gone" in checked.output) == (3, True)
    meant = command("backup", "--accept-losses", "we begin anew", **unmounted)
    assert meant.exit_code == 0
    # What was lost is in the one before alone, which stays this time.
    assert len(list((tmp_path / "backups/backups").iterdir())) == 2
    assert any(
        b'"losses_accepted": "we begin anew"' in p.read_bytes()
        for p in (tmp_path / "backups/backups").iterdir()
    )


def test_verifying_an_empty_folder_says_that_nothing_is_loaded(command, tmp_path):
    fresh = command("verify", DATA_DIR=tmp_path / "new")
    assert (fresh.exit_code, "Nothing is loaded yet." in fresh.output) == (0, True)
    address = {"BACKUP_ADDRESS": tmp_path / "backups"}
    command("backup", DATA_DIR=tmp_path / "new", **address)
    suspicious = command("verify", DATA_DIR=tmp_path / "new", **address)
    assert (suspicious.exit_code, "is mounted" in suspicious.output) == (3, True)
