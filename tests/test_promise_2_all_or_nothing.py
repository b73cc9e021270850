"""Promise 2: a load is all or nothing per table, whatever kills it and whoever else loads."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inventory_platform.errors import InventoryError, LandingError, SourceError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import Loader
from inventory_platform.settings import Settings
from inventory_platform.sources.sqlite import SqliteReader

DRIVER = Path(__file__).with_name("kill_driver.py")
BEFORE = [(1, "pen", 1), (2, "ink", 2), (3, "cap", "three")]
AFTER = [(1, "pen", 1.5), (4, "lid", 4), (4, "lid", 4), (5, "cup", "five")]


def driver(shop, *point: str) -> subprocess.Popen:
    command = [sys.executable, str(DRIVER), str(shop.database), str(shop.settings.data_dir)]
    return subprocess.Popen(
        [*command, "Items", *point],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=DRIVER.parents[1],
        env={**os.environ, "PYTHONPATH": str(DRIVER.parents[1])},
    )


def state(shop, items):
    return shop.versions(items), [code for _, code in shop.rejects(items)]


@pytest.fixture(scope="module")
def states(open_shop, items):
    """What is there before the second load, and what after it when nothing goes wrong."""
    with open_shop() as shop:
        shop.write("Items", BEFORE)
        shop.load(items)
        before = state(shop, items)
        shop.write("Items", AFTER)
        shop.load(items)
        return before, state(shop, items)


def check_recovery(shop, items, adds_up, states, *, committed: bool) -> None:
    before, after = states
    assert state(shop, items) == (after if committed else before)
    shop.load(items)
    assert state(shop, items) == after
    records = [shop.lake.record(items, i) for i in shop.lake.load_ids(items)]
    assert all(adds_up(r) for r in records)
    assert sum(r.rows_loaded + r.rows_vanished for r in records) == len(after[0])
    assert sum(r.rows_quarantined for r in records) == len(after[1]) == 2
    named = {f for r in records for f in (r.raw_file, r.quarantine_file) if f}
    named |= {f"loads/shop/items/{r.load_id}.json" for r in records}
    assert set(shop.files()) == named


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "when", "count", "committed"),
    [
        ("loader.Staging.scan", "after", 2, False),  # the first one met text in a number
        ("loader.Settlement.settle", "after", 1, False),
        ("lake.place", "before", 1, False),
        ("lake.place", "after", 1, False),
        ("lake.place", "after", 2, False),
        ("lake.Lake._commit_record", "before", 1, False),
        ("lake._sync", "before", 5, False),  # the record is written but not under its name
        ("lake.Lake._commit_record", "after", 1, True),
    ],
)
def test_a_killed_load_leaves_all_or_nothing_and_the_next_one_completes_it(
    shop, items, adds_up, states, point, when, count, committed
):
    shop.write("Items", BEFORE)
    shop.load(items)
    shop.write("Items", AFTER)
    process = driver(shop, point, when, str(count))
    _, complaint = process.communicate()
    assert process.returncode == -signal.SIGKILL, complaint.decode()
    check_recovery(shop, items, adds_up, states, committed=committed)


def test_a_failure_of_any_file_operation_leaves_all_or_nothing(
    open_shop, items, adds_up, states, monkeypatch
):
    failed = 0
    for nth in range(1, 200):
        with open_shop() as shop:
            shop.write("Items", BEFORE)
            shop.load(items)
            shop.write("Items", AFTER)
            loads = len(shop.lake.load_ids(items))
            with monkeypatch.context() as patch:
                reached = _fail_at(patch, nth)
                try:
                    shop.load(items)
                except InventoryError:  # and nothing less readable
                    failed += 1
            if not reached():
                break
            committed = len(shop.lake.load_ids(items)) > loads
            check_recovery(shop, items, adds_up, states, committed=committed)
    assert failed >= 15


def _fail_at(patch, nth):
    calls = 0

    def failing(original):
        def wrapped(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == nth:
                raise OSError(5, "Input/output error")
            return original(*arguments, **options)

        return wrapped

    for name in ("replace", "fsync", "open", "mkdir"):
        patch.setattr(os, name, failing(getattr(os, name)))
    return lambda: calls >= nth


def test_an_orphaned_file_is_invisible_and_swept_by_the_next_load(shop, items):
    shop.write("Items", BEFORE)
    record = shop.load(items)
    committed = shop.settings.lake_dir / record.raw_file
    orphan = committed.with_name("20200101T000000000000.parquet")
    shutil.copy(committed, orphan)
    assert len(shop.query(items, "from {raw}")) == 2
    shop.load(items)
    assert not orphan.exists()


@pytest.mark.slow
def test_of_two_processes_that_load_a_table_one_waits_for_the_other(shop, items):
    shop.write("Items", BEFORE)
    running = [driver(shop), driver(shop)]
    outputs = [json.loads(p.communicate()[0]) for p in running]
    assert sorted(o["rows_loaded"] for o in outputs) == [0, 2]
    assert sorted(o["rows_deduplicated"] for o in outputs) == [0, 3]
    assert len(shop.current(items)) == 2


def test_who_will_not_wait_is_told_which_process_loads_the_table(shop, items):
    shop.write("Items", BEFORE)
    impatient = Settings(data_dir=shop.settings.data_dir, lock_timeout_seconds=0)
    loader = Loader(impatient, SqliteReader(str(shop.database)), address="sqlite")
    with (
        shop.lake.lock(items, 0),
        pytest.raises(LandingError, match=f"shop__items is in use by process {os.getpid()}"),
    ):
        loader.load(items)
    assert loader.load(items).rows_loaded == 2


def test_a_waiting_load_goes_on_as_soon_as_the_table_is_free(shop, items):
    shop.write("Items", BEFORE)
    results = []
    waiting = threading.Thread(target=lambda: results.append(shop.load(items)))
    with shop.lake.lock(items, 0):
        waiting.start()
        waiting.join(0.3)
        assert not results
    waiting.join(30)
    assert results[0].rows_loaded == 2


def test_a_source_table_that_is_suddenly_empty_changes_nothing(shop, items):
    shop.write("Items", BEFORE)
    shop.load(items)
    held = state(shop, items), shop.files()
    shop.write("Items", [])
    with pytest.raises(LandingError, match=r"'Items' of 'shop' is empty, and was not before"):
        shop.load(items)
    assert (state(shop, items), shop.files()) == held


def test_an_empty_table_on_the_first_load_is_an_empty_table(shop, items):
    shop.write("Items", [])
    record = shop.load(items)
    assert (record.rows_read, record.rows_loaded, record.raw_file) == (0, 0, None)
    assert shop.query(items, "from {raw}") == []


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path, items):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    loader = Loader(Settings(data_dir=blocked / "data"), SqliteReader("x"), address="sqlite")
    with pytest.raises(InventoryError) as caught:
        loader.load(items)
    assert str(blocked) in caught.value.what
    assert "INVENTORY_DATA_DIR" in caught.value.remedy


def _full_disk(data: Path, megabytes: int) -> bool:
    if os.geteuid() != 0:
        return False
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(data)],
        capture_output=True,
        check=False,
    )
    return mounted.returncode == 0


@pytest.mark.slow
def test_a_full_disk_is_named_and_the_load_completes_once_there_is_space(
    shop, items, extensions, tmp_path
):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _full_disk(disk, 2):
        pytest.skip("needs the right to mount a tmpfs of limited size")
    try:
        settings = Settings(data_dir=disk, threads=1)
        (disk / "duckdb_extensions").symlink_to(extensions)
        shop.write("Items", BEFORE)
        loader = Loader(settings, SqliteReader(str(shop.database)), address="sqlite")
        loader.load(items)
        shop.write("Items", [(i, os.urandom(60).hex(), i) for i in range(40_000)])
        with pytest.raises(InventoryError) as caught:
            loader.load(items)
        assert "No space left" in caught.value.what
        assert "Free space" in caught.value.remedy
        assert len(Lake(settings.lake_dir).load_ids(items)) == 1
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert loader.load(items).rows_loaded == 40_000
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_other_tables_load_when_one_cannot(shop, items, notes):
    shop.write("Notes", [("a", 1)])
    with pytest.raises(SourceError, match="no table 'Items'"):
        shop.load(items)
    assert shop.load(notes).rows_loaded == 1
