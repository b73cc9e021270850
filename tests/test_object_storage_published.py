"""Marts published to object storage, and a lake moved there, on an S3 and an Azure store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from typer.testing import CliRunner

from dashboard import data
from inventory_platform import duck
from inventory_platform.cli import app
from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import PublishError, SettingsError
from inventory_platform.landing import lake
from inventory_platform.object_storage import StorageError, files_below
from inventory_platform.operations import migrate as migration
from inventory_platform.operations.history.published import read_published
from inventory_platform.operations.history.sizes import measure
from inventory_platform.operations.integrity import check_integrity
from inventory_platform.operations.migrate import Copied, migrate
from inventory_platform.operations.query import QueryError, query, reader
from inventory_platform.publishing import parquet
from inventory_platform.publishing.parquet import Publication, current_publication, publish
from inventory_platform.settings import Settings, get_settings
from tests.object_stores import ObjectStore

Shops = Callable[..., AbstractContextManager[Any]]

ON_ONE_STORE = pytest.mark.parametrize("object_store", ["s3"], indirect=True)
"""For what does not depend on the kind of store."""


@pytest.fixture
def address(object_store: ObjectStore) -> str:
    """A folder of the store that nobody else uses."""
    return f"{object_store.address}/{uuid4().hex}"


@pytest.fixture
def remote(address: str, open_shop: Shops) -> Iterator[Any]:
    """A shop that keeps everything in object storage."""
    with open_shop(
        lake_address=f"{address}/lake", published_address=f"{address}/published"
    ) as shop:
        yield shop


def put_out(settings: Settings, root: Any, rows: int, keep: int = 2) -> Publication:
    """Publish one mart with the numbers from 0 on."""
    with duck.connect(settings) as con:
        con.execute("create schema marts")
        con.execute(f"create table marts.fct_numbers as select range as n from range({rows})")
        return publish(
            root,
            con,
            keep=keep,
            marts=["fct_numbers"],
            run_id="r",
            code_version="c",
            loads={},
            inputs="",
        )


def shown(settings: Settings) -> list[Any]:
    with reader(settings, {}) as con:
        return query(con, "select count(*) from marts.fct_numbers").fetchall()


def test_readers_see_the_newest_version_and_old_ones_go(
    remote: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = remote.settings
    root = settings.published_dir
    assert current_publication(root) is None
    versions = []
    for rows in (1, 2, 3):
        versions.append(put_out(settings, root, rows).version)
        assert shown(settings) == [(rows,)]
    folder, publication = current_publication(root) or pytest.fail("nothing is published")
    assert (folder.name, publication.rows) == (versions[2], {"fct_numbers": 3})
    assert sorted(path.name for path in (root / "versions").iterdir()) == versions[1:]
    assert not (settings.data_dir / "published").exists()
    # The dashboard resolves the version by itself.
    monkeypatch.setenv("INVENTORY_PUBLISHED", str(root))
    data._engine.cache_clear()
    snapshot = data.current_snapshot()
    assert snapshot.has("marts", "fct_numbers")
    assert not snapshot.has("marts", "fct_none")
    assert snapshot.query("select sum(n) as total from marts.fct_numbers").total.to_list() == [3]
    data._engine.cache_clear()


def test_polars_reads_a_published_mart_by_its_address(
    remote: Any, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = remote.settings.published_dir
    version = put_out(remote.settings, root, 4).version
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    said = object_store.environment.get("AZURE_STORAGE_CONNECTION_STRING", "")
    parts = dict(part.split("=", 1) for part in said.split(";") if part)
    options = (
        {
            "account_name": parts["AccountName"],
            "account_key": parts["AccountKey"],
            "endpoint": parts["BlobEndpoint"],
            "allow_http": "true",
        }
        if parts
        else None
    )
    mart = pl.scan_parquet(
        f"{root}/versions/{version}/fct_numbers.parquet", storage_options=options
    )
    assert mart.select(pl.col("n").sum()).collect().item() == 6


@ON_ONE_STORE
def test_a_publication_that_is_cut_leaves_the_version_before_and_is_removed_later(
    remote: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, root = remote.settings, remote.settings.published_dir
    put_out(settings, root, 1)

    def cut(*_: Any) -> None:
        raise StorageError("The connection was reset.", is_transient=True)

    with monkeypatch.context() as patch:
        patch.setattr(parquet, "commit_pointer", cut)
        with pytest.raises(PublishError, match=r"cannot be published to .*: The connection"):
            put_out(settings, root, 2)
    assert shown(settings) == [(1,)]
    torn = root / "versions" / "20260101T000000000000" / "fct_numbers.parquet"
    torn.write_bytes(b"half")
    put_out(settings, root, 3)
    assert shown(settings) == [(3,)]
    assert not torn.exists()


def test_a_query_reaches_nothing_else_in_the_bucket(remote: Any, address: str) -> None:
    settings = remote.settings
    put_out(settings, settings.published_dir, 1)
    put_out(settings, settings.published_dir.parent / "private", 1)
    with reader(settings, {}) as con, pytest.raises(QueryError, match="disabled by config"):
        query(con, f"from read_parquet('{address}/private/versions/*/fct_numbers.parquet')")


@ON_ONE_STORE
def test_the_history_of_operations_and_sizes_are_read_there(
    remote: Any, items: TableContract
) -> None:
    settings = remote.settings
    remote.write("Items", [(1, "pen", 1)])
    record = remote.load(items)
    put_out(settings, settings.operations_dir, 4)
    history = read_published(settings) or pytest.fail("nothing is published")
    assert history.table("fct_numbers").collect()["n"].to_list() == [0, 1, 2, 3]
    sizes = {row["layer"]: row for row in measure(settings, settings.data_dir / "none", None)}
    raw = (remote.lake.root / record.raw_file).stat().st_size
    assert (sizes["raw"]["files"], sizes["raw"]["bytes"]) == (1, raw)
    assert sizes["published"]["files"] == 3  # the mart, its manifest and the pointer


@pytest.fixture
def full(object_store: ObjectStore, open_shop: Shops, items: TableContract) -> Iterator[Any]:
    """A shop on this machine with two loads, a rejected row and published marts."""
    with open_shop() as shop:
        shop.write("Items", [(1, "pen", 1), (2, "ink", "two")])
        shop.load(items)
        shop.write("Items", [(1, "pen", 1), (3, "cup", 3)])
        shop.load(items)
        put_out(shop.settings, shop.settings.published_dir, 1)
        put_out(shop.settings, shop.settings.published_dir, 5)
        put_out(shop.settings, shop.settings.live_dir, 6)
        yield shop


def moved(shop: Any, address: str) -> Any:
    settings = shop.settings.model_copy(
        update={"lake_address": f"{address}/lake", "published_address": f"{address}/published"}
    )
    return type(shop)(shop.folder, settings)


def test_a_migrated_platform_goes_on_where_it_was(
    full: Any, address: str, items: TableContract
) -> None:
    before = full.versions(items), full.rejects(items), full.files()
    assert [code for _, code in before[1]] == ["not_a_number"]
    told: list[Copied] = []
    sizes: list[int] = []
    done = migrate(full.settings, address, on_start=sizes.append, on_file=told.append)
    # Two raw files, one of rejects, two records; of each publication a mart and its manifest.
    assert (done.files, done.copied, len(told)) == (9, 9, 9)
    assert done.rows == 1 + 1 + 1 + 5 + 6
    assert sizes == [done.size] == [sum(one.size for one in told)]
    there = moved(full, address)
    assert (there.versions(items), there.rejects(items)) == before[:2]
    assert full.files() == before[2]  # nothing here has changed
    assert shown(there.settings) == [(6,)]  # the live marts are the newer ones
    again = there.load(items)
    assert (again.rows_read, again.rows_deduplicated) == (2, 2)
    assert len(there.lake.load_ids(items)) == 3
    assert len(full.lake.load_ids(items)) == 2


def test_a_migration_that_is_cut_shows_nothing_and_goes_on_where_it_stopped(
    full: Any, address: str, items: TableContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    send = migration.send

    def cut_after_three(file: Path, target: Any) -> None:
        if len(sent) == 3:
            raise StorageError("The connection was reset.", is_transient=True)
        sent.append(file.name)
        send(file, target)

    with monkeypatch.context() as patch:
        patch.setattr(migration, "send", cut_after_three)
        patch.setattr(migration, "_AT_ONCE", 1)
        with pytest.raises(StorageError, match="reset"):
            migrate(full.settings, address)
    there = moved(full, address)
    assert there.lake.load_ids(items) == []
    assert current_publication(there.settings.published_dir) is None
    done = migrate(full.settings, address)
    assert (done.files, done.copied) == (9, 6)
    assert there.versions(items) == full.versions(items)
    assert migrate(full.settings, address).copied == 0


@ON_ONE_STORE
def test_a_load_that_commits_while_files_are_listed_is_copied_whole_or_not_at_all(
    full: Any, address: str, items: TableContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Any] = []

    def listing(folder: Any, pattern: str = "**/*") -> Any:
        found = list(files_below(folder, pattern))
        listed.append(folder)
        # A stream commits right after each of the first two folders was listed.
        if len(listed) <= 2:
            full.write("Items", [(10 + len(listed), "late", 1)])
            with monkeypatch.context() as patch:
                patch.setattr(lake, "files_below", files_below)
                full.load(items)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(lake, "files_below", listing)
        migrate(full.settings, address)
    there = moved(full, address)
    assert (len(there.lake.load_ids(items)), len(full.lake.load_ids(items))) == (3, 4)
    assert check_integrity(there.settings).problems == []
    assert check_integrity(there.settings).uncommitted == []


@ON_ONE_STORE
def test_a_copy_that_differs_is_found_and_sent_again(
    full: Any, address: str, items: TableContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(full.settings, address)
    there = moved(full, address)
    record = there.lake.record(items, there.lake.load_ids(items)[0])
    copy = there.lake.root / record.raw_file
    right = copy.read_bytes()
    copy.write_bytes(bytes(len(right)))  # the same size, other bytes
    assert migrate(full.settings, address).copied == 1
    assert copy.read_bytes() == right
    copy.write_bytes(b"")
    monkeypatch.setattr(migration, "send", lambda file, target: target.write_bytes(b"torn"))
    with pytest.raises(StorageError, match="its checksum differs"):
        migrate(full.settings, address)


@ON_ONE_STORE
def test_the_command_shows_what_it_did_and_which_settings_to_change(
    full: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(full.settings.data_dir))
    get_settings.cache_clear()
    try:
        told = CliRunner().invoke(app, ["migrate", "--to", f"{address}/"])
        wrong = CliRunner().invoke(app, ["migrate", "--to", str(full.folder)])
    finally:
        get_settings.cache_clear()
    assert told.exit_code == 0, told.output
    assert "9 files" in told.output
    assert "equal: 9 copied now, 0 there before" in told.output
    assert f"INVENTORY_LAKE_ADDRESS={address}/lake\n" in told.output
    assert f"INVENTORY_PUBLISHED_ADDRESS={address}/published\n" in told.output
    assert isinstance(wrong.exception, SettingsError)
