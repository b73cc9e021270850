"""Backups and checks of a lake whose files are merged, erased, thinned out or in a store."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import json
import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from inventory_platform.cli import app
from inventory_platform.contracts.base import Contract, Integer, Text, column, describe, table
from inventory_platform.errors import BackupError, LandingError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.pages import FetchRecord, PageStore
from inventory_platform.operations import retention
from inventory_platform.operations.backup import (
    checksums,
    open_repository,
    restore,
    take,
    take_backup,
)
from inventory_platform.operations.compaction import compact
from inventory_platform.operations.erasure import Eraser
from inventory_platform.operations.integrity import check_integrity
from inventory_platform.operations.people import of_key
from inventory_platform.operations.retention import retain
from inventory_platform.publishing.parquet import current_publication, publish
from inventory_platform.record_format import RecordFormat
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings, get_settings
from tests.conftest import Shop

TODAY = date(2026, 6, 10)


class People(Contract):
    """Who buys."""

    person_id: Integer = column("PersonID", "Identifies the person.")
    name: Text = column("Name", "Name.", personal=True)

    class Config:
        metadata = table("People", key=["person_id"])


PEOPLE = describe(People, "shop")


def registry(shop: Shop, *contracts) -> Registry:
    return Registry(shop.settings, {}, {c.relation: c for c in contracts})


def backups(shop: Shop, tmp_path: Path):
    return open_repository(shop.settings, str(tmp_path / "backups"))


def problems(settings: Settings, taken=None) -> list[str]:
    return check_integrity(settings, checksums(taken.manifest) if taken else None).problems


def ledger_and_rows(shop: Shop, contract) -> list[object]:
    return [
        shop.query(contract, f"from {relation} order by all")
        for relation in ("{raw}", "ops.quarantine", "ops.loads")
    ]


@pytest.fixture(scope="module")
def four_days(open_shop, items, tmp_path_factory) -> Path:
    """A pen whose price changed on each of four days, and a price that is none on each."""
    folder = tmp_path_factory.mktemp("four_days") / "lake"
    with open_shop() as shop:
        for day in (1, 2, 3, 4):
            shop.write("Items", [(1, "pen", day), (day + 10, "new", 1), (99, "bad", f"x{day}")])
            shop.load(items, now=datetime(2026, 5, day))
        shutil.copytree(shop.settings.lake_dir, folder)
    return folder


@pytest.fixture
def history(shop, four_days) -> Shop:
    shutil.copytree(four_days, shop.settings.lake_dir)
    return shop


@pytest.fixture
def empty(tmp_path, extensions) -> Settings:
    data = tmp_path / "machine" / "data"
    data.mkdir(parents=True)
    (data / "duckdb_extensions").symlink_to(extensions)
    return Settings(data_dir=data, threads=1)


def merged(shop: Shop, items, zone: str = "raw") -> Path:
    (path,) = shop.lake.paths(zone, items)
    return path


def without(path: Path, condition: str) -> None:
    duckdb.sql(f"copy (from '{path}' where not ({condition})) to '{path}.new' (format parquet)")
    Path(f"{path}.new").replace(path)


# -- compaction ------------------------------------------------------------------------------


def test_a_compacted_lake_is_backed_up_without_what_was_merged_and_comes_back(
    history, items, empty, tmp_path
):
    repository = backups(history, tmp_path)
    before = take_backup(history.settings, repository)
    compact(registry(history, items), TODAY)
    ids = history.lake.load_ids(items)
    taken = take_backup(history.settings, repository)
    raw = [f.path for f in taken.manifest.files if f.path.startswith("data/lake/raw/")]
    assert [Path(path).stem for path in raw] == [f"{ids[0]}-{ids[3]}"]
    assert problems(history.settings, before) == []
    # Now what was merged goes; it is in the earlier backup, and no fault that it is gone.
    compact(registry(history, items), TODAY)
    assert len(list(history.settings.lake_dir.glob("raw/**/*.parquet"))) == 1
    assert problems(history.settings, before) == []
    held = ledger_and_rows(history, items)
    restore(empty, repository)
    assert ledger_and_rows(Shop(history.folder, empty), items) == held
    assert problems(empty, taken) == []


def test_a_merged_file_that_is_lost_or_lost_rows_is_told_by_the_loads_in_it(history, items):
    for _ in range(2):
        compact(registry(history, items), TODAY)
    ids = history.lake.load_ids(items)
    path = merged(history, items)
    without(path, f"_load_id = '{ids[1]}' and item_id = 1")
    (told,) = problems(history.settings)
    assert f"{path.name}: {ids[1]} has " in told
    path.unlink()
    assert [problem.split(" ", 1)[1][:10] for problem in problems(history.settings)] == [
        "is missing"
    ] * 4


def test_rows_that_no_record_accounts_for_are_told(history, items):
    for _ in range(2):
        compact(registry(history, items), TODAY)
    ids = history.lake.load_ids(items)
    (history.lake.log_dir(items) / f"{ids[2]}.json").unlink()
    (raw, quarantine) = sorted(problems(history.settings), reverse=True)
    assert raw.startswith("raw/shop/items has ")
    assert quarantine.startswith("quarantine/shop/items has 1 rows that no record of")
    assert ids[2] in raw


def test_a_compaction_that_goes_on_meanwhile_makes_the_backup_look_again(
    history, items, tmp_path, monkeypatch
):
    looked = []
    original = take.contents_of

    def looking(settings):
        found = original(settings)
        looked.append(found)
        if len(looked) == 1:
            for _ in range(2):
                compact(registry(history, items), TODAY)
        return found

    monkeypatch.setattr(take, "contents_of", looking)
    taken = take_backup(history.settings, backups(history, tmp_path))
    assert len(looked) == 2
    assert len([f for f in taken.manifest.files if f.path.startswith("data/lake/raw/")]) == 1


def test_a_listing_that_a_compaction_went_on_under_is_repeated(history, tmp_path, monkeypatch):
    listings = []
    original = Lake.contents

    def contents(lake):
        committed, uncommitted = original(lake)
        listings.append(committed)
        if len(listings) == 1:
            committed = [name for name in committed if not name.startswith("raw/")]
        return committed, uncommitted

    monkeypatch.setattr(Lake, "contents", contents)
    taken = take_backup(history.settings, backups(history, tmp_path))
    assert len(listings) == 2
    assert len([f for f in taken.manifest.files if f.path.startswith("data/lake/raw/")]) == 4


# -- erasure ---------------------------------------------------------------------------------


@pytest.fixture
def people(shop, monkeypatch) -> Shop:
    file = shop.folder / "people.toml"
    file.write_text('[customers]\nshop = { rows = "people.person_id" }\n')
    monkeypatch.setenv("INVENTORY_ERASURE_KEY", "a test's key, thirty-two letters long")
    shop.settings = shop.settings.model_copy(update={"people_file": file})
    shop.write("People", [(1, "Ada Lovelace"), (2, "Charles Babbage")], PEOPLE_SHAPE)
    shop.load(PEOPLE)
    return shop


PEOPLE_SHAPE = {"PersonID": "INTEGER", "Name": "TEXT"}


def erase_ada(shop: Shop) -> None:
    eraser = Eraser(registry(shop, PEOPLE))
    eraser.erase(eraser.find([of_key(eraser.registry, "shop", "people", "1")]), "privacy desk")


def test_a_file_that_was_erased_is_stored_anew_and_is_no_fault(people, empty, tmp_path):
    repository = backups(people, tmp_path)
    before = take_backup(people.settings, repository)
    erase_ada(people)
    assert problems(people.settings, before) == []
    taken = take_backup(people.settings, repository)
    old, new = ({f.path: f.sha256 for f in t.manifest.files} for t in (before, taken))
    (raw,) = (path for path in old if path.startswith("data/lake/raw/"))
    assert old[raw] != new[raw]
    # From then on it is what it was, and a changed byte is a fault again.
    assert check_integrity(people.settings, checksums(taken.manifest)).compared == 2
    (path,) = people.lake.paths("raw", PEOPLE)
    pq.write_table(pq.read_table(path, partitioning=None), path, compression="none")
    (told,) = problems(people.settings, taken)
    assert "is not what it was in the newest backup" in told
    restore(empty, repository)
    (back,) = Lake(empty.lake_dir).paths("raw", PEOPLE)
    names = pl.read_parquet(back, hive_partitioning=False)["name"].to_list()
    assert sorted(names) == ["Charles Babbage", "erased"]


def test_an_erasure_waits_until_a_backup_is_made(people, tmp_path, monkeypatch):
    impatient = people.settings.model_copy(update={"lock_timeout_seconds": 0})
    original = take.contents_of

    def looking(settings):
        with pytest.raises(LandingError, match="The backup is in use by process"):
            erase_ada(replace(people, settings=impatient))
        return original(settings)

    monkeypatch.setattr(take, "contents_of", looking)
    before = take_backup(people.settings, backups(people, tmp_path))
    monkeypatch.undo()
    monkeypatch.setenv("INVENTORY_ERASURE_KEY", "a test's key, thirty-two letters long")
    erase_ada(people)
    after = take_backup(people.settings, backups(people, tmp_path))
    held = [
        any(f.path.startswith("data/lake/erasures/") for f in taken.manifest.files)
        for taken in (before, after)
    ]
    assert held == [False, True]


@pytest.mark.parametrize("is_erased", [True, False])
def test_the_last_line_of_a_restore_says_to_replay_erasures(
    people, empty, tmp_path, monkeypatch, is_erased
):
    if is_erased:
        erase_ada(people)
    take_backup(people.settings, backups(people, tmp_path))
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(empty.data_dir))
    get_settings.cache_clear()
    told = CliRunner().invoke(app, ["restore", "--from", str(tmp_path / "backups")])
    get_settings.cache_clear()
    assert told.exit_code == 0
    last = " ".join(told.output.split()).rpartition("Erasures of people")[2]
    assert last.startswith(f" in this backup: {int(is_erased)}. Put newer records")
    assert "run `inventory erase --replay`" in last


# -- retention -------------------------------------------------------------------------------


def kept_days(shop: Shop, rules: str, *contracts) -> Registry:
    file = shop.folder / "retention.toml"
    file.write_text(rules)
    shop.settings = shop.settings.model_copy(update={"retention_file": file})
    return registry(shop, *contracts)


@pytest.mark.parametrize("is_merged", [False, True], ids=["of one load each", "merged"])
def test_rows_that_retention_removed_are_no_fault_and_any_others_are(
    history, items, tmp_path, is_merged
):
    before = take_backup(history.settings, backups(history, tmp_path))
    for _ in range(2 if is_merged else 0):
        compact(registry(history, items), TODAY)
    retain(kept_days(history, "[default]\nhistory = 37", items), TODAY, apply=True)
    assert problems(history.settings) == problems(history.settings, before) == []
    (record,) = (history.settings.lake_dir / "retention").glob("*.json")
    (removed,) = json.loads(record.read_text())["removed"]
    assert (removed["rows"], removed["before"]) == (4, "2026-05-04")
    # A row more than retention removed, though of a day whose rows it may remove.
    newest_of_old = history.lake.load_ids(items)[2]
    path = next(
        path
        for path in history.lake.paths("raw", items)
        if newest_of_old in path.stem or "-" in path.stem
    )
    without(path, f"_load_id = '{newest_of_old}'")
    assert any(f"{newest_of_old} has 0 rows" in told for told in problems(history.settings))


def test_without_the_record_of_retention_its_rows_are_missing(history, items):
    retain(kept_days(history, "[default]\nhistory = 37", items), TODAY, apply=True)
    shutil.rmtree(history.settings.lake_dir / "retention")
    first, second, *_ = history.lake.load_ids(items)
    told = problems(history.settings)
    assert [f"{first} has 0 rows; 2" in told[0], f"{second} has 1 rows; 3" in told[1]] == [True] * 2
    assert len(told) == 2


def test_retention_that_was_cut_off_has_told_before_what_it_removes(history, items, monkeypatch):
    original, calls = retention.place, []

    def place(staged, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        original(staged, target)

    with monkeypatch.context() as patch:
        patch.setattr(retention, "place", place)
        with pytest.raises(OSError, match="No space left"):
            retain(kept_days(history, "[default]\nhistory = 37", items), TODAY, apply=True)
    assert problems(history.settings) == []


def test_pages_that_retention_removed_are_no_fault_and_can_be_backed_up(shop, tmp_path):
    store = PageStore(shop.lake, "shop", "stock")
    for fetch_id in ("20260601T000000000000", "20260602T000000000000"):
        store.file(fetch_id).parent.mkdir(parents=True)
        pq.write_table(pa.table({"body": ["a", "b"]}), store.file(fetch_id))
        record = FetchRecord(fetch_id, "shop", "stock", "", "", 2, 2, "", "")
        log = shop.settings.lake_dir / f"fetches/shop/stock/{fetch_id}.json"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(RecordFormat(FetchRecord, "fetch record").write(record))
    assert problems(shop.settings) == []
    store.file("20260601T000000000000").unlink()
    (told,) = problems(shop.settings)
    assert "is missing" in told
    with pytest.raises(BackupError, match="The lake is damaged"):
        take_backup(shop.settings, backups(shop, tmp_path))
    removed = {"name": "shop__stock", "zone": "pages", "before": "2026-06-02", "rows": 2}
    removed |= {"why": "", "files": 1, "bytes": 9, "oldest": "2026-06-01", "newest": "2026-06-01"}
    folder = shop.settings.lake_dir / "retention"
    folder.mkdir()
    (folder / "1.json").write_text(
        json.dumps({"applied_at": "2026-06-03", "today": "2026-06-03", "removed": [removed]})
    )
    assert problems(shop.settings) == []
    assert take_backup(shop.settings, backups(shop, tmp_path)).stored_files > 0


@pytest.mark.parametrize("zone", ["retention", "erasures"])
def test_a_damaged_record_of_what_was_taken_out_is_named_and_not_backed_up(shop, tmp_path, zone):
    file = shop.settings.lake_dir / zone / "20260601T000000000000.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xff{")
    assert problems(shop.settings) == [f"{zone}/{file.name} is damaged."]
    with pytest.raises(BackupError, match=rf"The lake is damaged: {zone}/{file.stem}"):
        take_backup(shop.settings, backups(shop, tmp_path))


# -- object storage --------------------------------------------------------------------------


@pytest.mark.parametrize("object_store", ["s3"], indirect=True)
def test_a_lake_in_object_storage_is_backed_up_verified_and_restored_into_a_folder(
    object_store, open_shop, items, empty, tmp_path
):
    address = f"{object_store.address}/{uuid4().hex}"
    with open_shop(
        lake_address=f"{address}/lake", published_address=f"{address}/published"
    ) as shop:
        for price in (1, 2):
            shop.write("Items", [(1, "pen", price), (2, "ink", 2), (3, "cap", f"x{price}")])
            shop.load(items)
        with duckdb.connect() as con:
            con.execute("create schema marts; create table marts.prices as from range(5)")
            folder = tmp_path / "published"
            publication = publish(
                folder, con, keep=1, marts=["prices"], run_id="r", code_version="c", loads={},
                inputs="",
            )  # fmt: skip
        root = shop.settings.published_dir
        for path in (folder / "versions" / publication.version).iterdir():
            (root / "versions" / publication.version / path.name).write_bytes(path.read_bytes())
        (root / "current.json").write_text(json.dumps({"version": publication.version}))
        collected = shop.settings.lake_dir / "operations" / "runs" / "1.parquet"
        collected.parent.mkdir(parents=True)
        collected.write_bytes(b"collected here")
        held = ledger_and_rows(shop, items)

        repository = backups(shop, tmp_path)
        first = take_backup(shop.settings, repository)
        assert take_backup(shop.settings, repository).stored_files == 0
        assert problems(shop.settings, first) == []
        restore(empty, repository)
        assert ledger_and_rows(Shop(shop.folder, empty), items) == held
        assert problems(empty, first) == []
        found = current_publication(empty.published_dir)
        assert found is not None
        assert found[1] == publication
        assert (empty.data_dir / "published" / "current").is_symlink()
        assert (empty.lake_dir / "operations/runs/1.parquet").read_bytes() == b"collected here"

        # Written anew under its name, at the same size: noticed by verify and by a backup.
        path = shop.lake.paths("raw", items)[0]
        content = path.read_bytes()
        path.write_bytes(content[:-8] + b"\0" * 4 + content[-4:])
        name = str(path).removeprefix(f"{shop.lake.root}/")
        told = problems(shop.settings, first)
        assert f"{name} is not what it was in the newest backup." in told
        assert any(problem.startswith(f"{name} cannot be read") for problem in told)
        with pytest.raises(BackupError, match=rf"{name} is damaged"):
            take_backup(shop.settings, repository)
        path.unlink()
        assert any(f"{name} is missing" in problem for problem in problems(shop.settings))
        with pytest.raises(BackupError, match="The lake is damaged"):
            take_backup(shop.settings, repository)
