"""Marts are last-known-good: readers keep the version before whenever anything goes wrong."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from inventory_platform.settings import PROJECT_DIR
from tests.e2e.conftest import BIN, Platform, copy_of

# Several builds of all models, one after another.
pytestmark = pytest.mark.slow


def lose_most_customers(platform: Platform) -> None:
    """Make a blocking check fail: a snapshot that lost more than half of its rows."""
    with closing(sqlite3.connect(platform.settings.sandbox_database)) as db:
        db.execute("delete from Customers where CustomerID % 10 <> 0")
        db.commit()


@dataclass(frozen=True)
class Failed:
    """A platform after a run in which a blocking check failed, and what it was before."""

    platform: Platform
    run: subprocess.CompletedProcess[str]
    contents: dict[str, tuple]
    version: str


@pytest.fixture(scope="module")
def failed(small: Platform, tmp_path_factory: pytest.TempPathFactory) -> Failed:
    platform = copy_of(small, tmp_path_factory.mktemp("failed"))
    lose_most_customers(platform)
    return Failed(
        platform=platform,
        contents=platform.mart_contents(),
        version=platform.published_version(),
        run=platform.inventory("run"),
    )


def test_a_failed_blocking_check_publishes_nothing_and_ends_with_code_3(failed: Failed) -> None:
    assert failed.run.returncode == 3, failed.run.stdout + failed.run.stderr
    assert "customers: volume" in failed.run.stdout
    assert failed.platform.published_version() == failed.version
    assert failed.platform.mart_contents() == failed.contents


def test_the_run_that_failed_is_in_the_published_history_at_once(failed: Failed) -> None:
    last = failed.platform.rows(
        "select status, asset, check_name from ops.runs join ops.checks using (run_id) "
        "where not passed and severity = 'error' order by started_at desc limit 1"
    )
    assert last == [("failure", "raw/inventory_db__customers", "volume")]


def test_marts_cannot_be_published_alone_after_a_failed_check(failed: Failed) -> None:
    result = failed.platform.inventory("run", "--select", 'key:"published/marts"')
    assert result.returncode == 1
    assert "volume on raw/inventory_db__customers" in result.stderr
    assert failed.platform.published_version() == failed.version


def test_the_dagster_command_fails_on_a_failed_blocking_check(changed: Platform) -> None:
    lose_most_customers(changed)
    command = [str(BIN / "dagster"), "asset", "materialize", "--select", 'group:"inventory_db"']
    home = changed.data_dir / "dagster"
    result = subprocess.run(
        [*command, "-m", "inventory_platform.definitions"],
        env=changed.env | {"DAGSTER_HOME": str(home)},
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert result.returncode == 1
    assert "raw/inventory_db__customers: volume" in result.stdout + result.stderr


def test_a_missing_source_fails_by_name_and_readers_keep_the_last_version(
    changed: Platform,
) -> None:
    version = changed.published_version()
    changed.settings.sandbox_database.unlink()
    result = changed.inventory("run")
    assert result.returncode == 1
    assert str(changed.settings.sandbox_database) in result.stderr
    assert "inventory sandbox generate" in result.stderr
    assert "up to date" not in result.stdout
    assert changed.published_version() == version


def test_one_unreadable_table_does_not_stop_the_others(changed: Platform) -> None:
    with closing(sqlite3.connect(changed.settings.sandbox_database)) as db:
        db.execute("alter table Suppliers rename column SupplierName to Company")
        db.execute(
            "insert into Payments values (500001, 1, '2026-10-01 10:00:00', 5, 'Card', "
            "'Completed', '2026-10-01 10:00:00', '2026-10-01 10:00:00')"
        )
        db.commit()
    result = changed.inventory("run")
    assert result.returncode == 1
    assert "'SupplierName' (did 'Company' take its place?)" in result.stderr or (
        "'SupplierName'" in result.stderr
    )
    assert changed.rows(
        "select count(*) from raw.inventory_db__payments where payment_id = 500001"
    ) == [("1",)]
    assert changed.rows("select count(*) from raw.inventory_db__suppliers") == [("12",)]


def test_a_kill_while_models_are_built_is_healed_by_the_next_run(changed: Platform) -> None:
    expected = changed.mart_contents()
    version = changed.published_version()
    process = subprocess.Popen(
        changed.command("run", "--force"),
        env=changed.env,
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "building and testing the models" in line:
            break
    else:
        pytest.fail("the models were never built")
    time.sleep(4)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert changed.published_version() == version

    publish_alone = ("run", "--select", 'key:"published/marts"')
    alone = changed.inventory(*publish_alone)
    assert alone.returncode == 1, "half-built marts were published"
    assert "did not finish" in alone.stderr
    changed.ok("run", "--select", 'key:"marts/dim_suppliers"')
    assert changed.inventory(*publish_alone).returncode == 1, "one model does not heal the others"

    changed.ok("run", "--force")
    assert changed.published_version() != version
    assert changed.mart_contents() == expected


def test_a_rebuild_shows_an_earlier_state_unpublished_and_then_todays_marts_again(
    small: Platform, later: Platform, tmp_path: Path
) -> None:
    first_loads = small.rows("select max(load_id) from ops.loads")[0][0]
    platform = copy_of(later, tmp_path)
    version = platform.published_version()
    expected = platform.mart_contents()
    assert suppliers_in_warehouse(platform) == 11

    platform.ok("rebuild", "--as-of", first_loads)
    assert platform.published_version() == version
    assert suppliers_in_warehouse(platform) == 12
    assert platform.inventory("run", "--select", 'key:"published/marts"').returncode == 1

    platform.settings.warehouse_file.unlink()
    platform.ok("rebuild")
    assert suppliers_in_warehouse(platform) == 11
    assert platform.published_version() != version
    assert platform.mart_contents() == expected


def suppliers_in_warehouse(platform: Platform) -> int:
    with duckdb.connect(str(platform.settings.warehouse_file), read_only=True) as con:
        return con.execute("select count(*) from marts.dim_suppliers").fetchall()[0][0]
