"""A lake in object storage keeps what a lake in a folder promises, on an S3 and an Azure store."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import polars as pl
import pytest
from s3fs import S3FileSystem

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import LandingError, SettingsError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.pages import PageStore
from inventory_platform.landing.snapshots import Snapshots
from inventory_platform.landing.views import create_views
from inventory_platform.object_storage import StorageError, open_path
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.sources.base import Checkpoint, Page
from inventory_platform.warehouse import dbt_environment, open_warehouse, refresh
from tests.object_stores import ObjectStore

BEFORE = [(1, "pen", 1), (2, "ink", 2), (3, "cap", "three")]
AFTER = [(1, "pen", 1.5), (4, "lid", 4)]
DRIVER = Path(__file__).with_name("kill_driver.py")

ON_ONE_STORE = pytest.mark.parametrize("object_store", ["s3"], indirect=True)
"""For what does not depend on the kind of store."""


@pytest.fixture
def remote(
    object_store: ObjectStore, open_shop: Callable[..., AbstractContextManager[Any]]
) -> Iterator[Any]:
    """A shop whose lake lies in a folder of the store that nobody else uses."""
    with open_shop(lake_address=f"{object_store.address}/{uuid4().hex}/lake") as shop:
        yield shop


def objects(shop: Any) -> list[str]:
    """Every object below the lake, as the store itself lists them."""
    root = shop.lake.root
    return sorted(name.removeprefix(f"{root.path}/") for name in root.fs.find(root.path))


def test_a_load_is_kept_there_and_a_repeated_one_adds_its_ledger_line_only(
    remote: Any, items: TableContract
) -> None:
    remote.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    first = remote.load(items)
    again = remote.load(items)
    assert (first.rows_loaded, again.rows_loaded, again.rows_deduplicated) == (2, 0, 2)
    assert objects(remote) == [
        f"loads/shop/items/{first.load_id}.json",
        f"loads/shop/items/{again.load_id}.json",
        first.raw_file,
    ]
    assert remote.files() == []  # nothing of it on this machine
    assert [row[:2] for row in remote.current(items)] == [(1, "pen"), (2, "ink")]
    ledger = "select load_id, rows_read, rows_loaded from ops.loads order by load_id"
    assert remote.query(items, ledger) == [(first.load_id, 2, 2), (again.load_id, 2, 0)]
    as_of = remote.query(items, "select count(*) from ops.loads", as_of=first.load_id)
    assert as_of == [(1,)]


@ON_ONE_STORE
def test_changes_vanished_rows_and_the_cursor_go_on_from_what_is_there(
    remote: Any, items: TableContract, events: TableContract
) -> None:
    remote.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    remote.load(items)
    remote.write("Items", [(1, "pen", 3)])
    second = remote.load(items)
    assert (second.rows_loaded, second.rows_vanished) == (1, 1)
    assert [row[0] for row in remote.current(items)] == [1]
    remote.write("Events", [(1, 5, "2026-01-01 10:00:00")])
    remote.load(events)
    remote.write("Events", [(1, 5, "2026-01-01 10:00:00"), (2, 7, "2026-01-02 10:00:00")])
    record = remote.load(events)
    assert (record.cursor_from, record.cursor_to, record.rows_loaded) == (
        *("2026-01-01 10:00:00", "2026-01-02 10:00:00"),
        1,
    )


def test_rejected_rows_are_in_quarantine_there_and_can_be_replayed(
    remote: Any, items: TableContract
) -> None:
    remote.write("Items", BEFORE, {"ItemID": "INTEGER", "Name": "TEXT", "Price": ""})
    record = remote.load(items)
    assert (record.rows_loaded, record.rows_quarantined) == (2, 1)
    assert record.quarantine_file in objects(remote)
    assert [code for _, code in remote.rejects(items)] == ["not_a_number"]
    replayed = remote.replay(items)
    assert (replayed.replayed, replayed.still_rejected) == (0, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("object_store", "point", "committed"),
    [
        ("s3", "lake.place", False),
        ("azure", "lake.place", False),
        ("azure", "lake.Lake._commit_record", True),
    ],
    indirect=["object_store"],
)
def test_nothing_of_a_killed_load_is_visible_before_its_record_and_all_of_it_after(
    remote: Any, items: TableContract, point: str, committed: bool
) -> None:
    remote.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    first = remote.load(items)
    remote.write("Items", AFTER)
    process = subprocess.run(
        [
            *(sys.executable, str(DRIVER), str(remote.database)),
            *(str(remote.settings.data_dir), "Items", point, "after", "1"),
        ],
        capture_output=True,
        cwd=PROJECT_DIR,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR),
            "INVENTORY_LAKE_ADDRESS": remote.settings.lake_address,
        },
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    # Its raw file is there either way; only the record makes it count.
    assert sum(name.startswith("raw/") for name in objects(remote)) == 2
    assert [row[0] for row in remote.current(items)] == ([1, 4] if committed else [1, 2])
    remote.load(items)
    assert [row[0] for row in remote.current(items)] == [1, 4]
    assert len(remote.lake.load_ids(items)) == (3 if committed else 2)
    raw = [name for name in objects(remote) if name.startswith("raw/")]
    assert first.raw_file in raw
    assert len(raw) == 2  # what the killed load left is swept away


@ON_ONE_STORE
def test_a_view_of_a_lake_elsewhere_is_made_anew(
    remote: Any, items: TableContract, events: TableContract
) -> None:
    here = type(remote)(remote.folder, remote.settings.model_copy(update={"lake_address": ""}))
    here.write("Items", [(1, "pen", 1)])
    here.load(items)
    refresh(here.settings, {"items": items})
    remote.write("Items", [(7, "cup", 1)])
    remote.load(items)
    with open_warehouse(remote.settings) as con:
        create_views(con, remote.lake, [items, events], changed=events)
        assert con.sql("select item_id from raw.shop__items").fetchall() == [(7,)]


@pytest.mark.slow
def test_dbt_builds_a_staging_model_over_it_and_no_file_holds_the_secret(
    remote: Any, items: TableContract, object_store: ObjectStore, tmp_path: Path
) -> None:
    remote.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    remote.load(items)
    settings = remote.settings
    refresh(settings, {"items": items})
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: small\nversion: '1.0'\nprofile: inventory\n")
    (project / "models" / "stg_items.sql").write_text(
        "{{ config(materialized='table') }} select item_id, name from raw.shop__items"
    )
    shutil.copy(settings.dbt_dir / "profiles.yml", project)
    built = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "inventory-dbt"), "build"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, **dbt_environment(settings)},
        check=False,
    )
    assert built.returncode == 0, built.stdout
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
        rows = con.sql("select * from main.stg_items order by 1").fetchall()
    assert rows == [(1, "pen"), (2, "ink")]
    secrets = re.findall(r"AccountKey=([^;]+)", str(object_store.environment))
    written = [p for p in [*project.rglob("*"), settings.warehouse_file] if p.is_file()]
    assert len(written) > 3
    for secret in secrets:
        assert not any(secret.encode() in path.read_bytes() for path in written)
        assert secret not in built.stdout


class _Answers:
    """A source that always answers with the same two pages."""

    def fetch(self, fetch: str, resume: str | None) -> Iterator[Page | Checkpoint]:
        yield Page("things", "/things?1", json.dumps([{"id": 1}]))
        yield Page("things", "/things?2", json.dumps([{"id": 2}]))
        yield Checkpoint("done")


def test_pages_and_forecasts_are_kept_there(remote: Any) -> None:
    store = PageStore(remote.lake, "api", "all")
    [record] = store.collect(_Answers(), timeout_seconds=1)
    assert store.collect(_Answers(), timeout_seconds=1) == []
    assert store.last() == record
    assert record.pages == 2
    with store.files()[record.fetch_id].open("rb") as file:
        assert pl.read_parquet(file)["request"].to_list() == ["/things?1", "/things?2"]
    snapshots = Snapshots(remote.lake, "forecasts")
    snapshots.keep(date(2026, 1, 2), pl.DataFrame({"units": [1]}))
    snapshots.keep(date(2026, 1, 2), pl.DataFrame({"units": [2]}))
    assert snapshots.days() == [date(2026, 1, 2)]
    assert snapshots.read(date(2026, 1, 2))["units"].to_list() == [2]
    with duck.connect(remote.settings) as con:
        kept = con.sql(f"select units from read_parquet({duck.literal(snapshots.pattern)})")
        assert kept.fetchall() == [(2,)]


@ON_ONE_STORE
def test_two_loads_of_one_table_do_not_run_at_once_on_this_machine(
    remote: Any, items: TableContract
) -> None:
    with (
        remote.lake.lock(items, 0),
        pytest.raises(LandingError, match="is in use by process"),
        remote.lake.lock(items, 0),
    ):
        pass


def test_a_bucket_that_is_not_there_stops_the_start_by_name(object_store: ObjectStore) -> None:
    address = object_store.address.replace("lake", "elsewhere") + "/folder"
    with pytest.raises(SettingsError, match="no bucket or container 'elsewhere'") as told:
        Lake.of(Settings(lake_address=address))
    assert "INVENTORY_LAKE_ADDRESS" in str(told.value)


@contextmanager
def opened_anew() -> Iterator[None]:
    """Forget connections that were opened with other credentials, before and after."""
    try:
        for forget in (open_path.cache_clear, S3FileSystem.clear_instance_cache):
            forget()
        yield
    finally:
        for forget in (open_path.cache_clear, S3FileSystem.clear_instance_cache):
            forget()


def test_wrong_credentials_are_told_without_showing_them(
    azure: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = azure.environment["AZURE_STORAGE_CONNECTION_STRING"]
    wrong = re.sub(r"AccountKey=[^;]+", "AccountKey=d3Jvbmcga2V5", connection)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", wrong)
    with opened_anew(), pytest.raises(SettingsError, match="cannot be reached") as told:
        Lake.of(Settings(lake_address=f"{azure.address}/wrong"))
    assert "d3Jvbmcga2V5" not in str(told.value)
    assert "docs/object-storage.md" in told.value.remedy


def test_missing_credentials_are_told_by_the_variables_to_set(
    s3: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.environment["AWS_ENDPOINT_URL"])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    address = f"{s3.address}/no-credentials"
    with (
        opened_anew(),
        pytest.raises(SettingsError, match="cannot be reached: Unable to locate credentials"),
    ):
        Lake.of(Settings(lake_address=address))


@ON_ONE_STORE
def test_a_store_that_goes_away_fails_the_load_as_passing_and_keeps_the_last_state(
    remote: Any, items: TableContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.write("Items", [(1, "pen", 1)])
    remote.load(items)
    remote.write("Items", [(2, "ink", 2)])

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("Connection reset by peer")

    with monkeypatch.context() as patch:
        patch.setattr(remote.lake.root.fs, "put_file", away)
        with pytest.raises(StorageError, match="Connection reset by peer") as told:
            remote.load(items)
    assert told.value.is_transient
    assert [row[0] for row in remote.current(items)] == [1]


@pytest.mark.parametrize(
    "address", ["/folder", "ftp://host/x", "s3://key:secret@lake/x", "s3://lake/x/"]
)
def test_an_address_that_cannot_be_used_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(ValueError, match="lake_address") as told:
        Settings(lake_address=address)
    assert "should match pattern" in str(told.value)
