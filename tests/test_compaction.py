"""Compaction: many small files become few, and nobody can tell by the rows."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import os
import shutil
import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from inventory_platform import duck
from inventory_platform.errors import LandingError
from inventory_platform.landing.lake import Lake, loads_in, uncovered
from inventory_platform.operations import compaction
from inventory_platform.operations.compaction import compact, compact_table
from inventory_platform.registry import Registry
from inventory_platform.warehouse import open_warehouse, refresh

DRIVER = Path(__file__).with_name("compaction_driver.py")
TODAY = date(2026, 6, 10)
MAY = datetime(2026, 5, 30, 12)


def registry(shop, *contracts) -> Registry:
    return Registry(shop.settings, {}, {c.relation: c for c in contracts})


def raw_files(shop, contract) -> list[str]:
    return [Path(f).name for f in shop.lake.files("raw", contract)]


@pytest.fixture(scope="module")
def filled(open_shop, items, tmp_path_factory) -> Path:
    """A lake of eight loads: three in May, two of one day in June, two of another, one today."""
    folder = tmp_path_factory.mktemp("filled") / "lake"
    with open_shop() as shop:
        write_history(shop, items)
        shutil.copytree(shop.settings.lake_dir, folder)
    return folder


@pytest.fixture
def ids(shop, items, filled) -> list[str]:
    """The loads of a copy of it."""
    shutil.copytree(filled, shop.settings.lake_dir)
    return shop.lake.load_ids(items)


def write_history(shop, items) -> None:
    instants = [
        *(MAY, MAY + timedelta(hours=1), MAY + timedelta(days=1)),
        *(datetime(2026, 6, 8, hour) for hour in (1, 2)),
        *(datetime(2026, 6, 9, hour) for hour in (1, 2)),
        datetime(2026, 6, 10, 1),
    ]
    for n, now in enumerate(instants):
        rows = [(1, "pen", n), (2 + n, f"thing {n}", 1), (99, "bad", f"price {n}")]
        shop.write("Items", rows)
        shop.load(items, now=now)


def states(shop, items, ids) -> list[object]:
    """Everything a reader can see, now and as of every load."""
    seen: list[object] = [shop.current(items)]
    for load_id in [*ids, None]:
        seen.append(shop.query(items, "select * from {raw} order by all", load_id))
        seen.append(shop.query(items, "select * from ops.quarantine order by all", load_id))
        seen.append(shop.query(items, "select * from ops.loads order by all", load_id))
    return seen


def test_past_days_and_months_become_one_file_each_and_today_stays(shop, items, ids):
    before = states(shop, items, ids)
    done = compact(registry(shop, items), TODAY)
    assert raw_files(shop, items) == [
        f"{ids[0]}-{ids[2]}.parquet",
        f"{ids[3]}-{ids[4]}.parquet",
        f"{ids[5]}-{ids[6]}.parquet",
        f"{ids[7]}.parquet",
    ]
    assert [(c.zone, c.merged, c.into) for c in done] == [("raw", 7, 3), ("quarantine", 7, 3)]
    assert states(shop, items, ids) == before
    assert [item[0] for item in before[0]] == [1, 9]  # the present: the pen and the last thing


def test_a_month_that_is_over_takes_in_the_files_of_its_days(shop, items, ids):
    before = states(shop, items, ids)
    compact(registry(shop, items), TODAY)
    compact(registry(shop, items), date(2026, 7, 1))
    assert raw_files(shop, items) == [f"{ids[0]}-{ids[2]}.parquet", f"{ids[3]}-{ids[7]}.parquet"]
    assert states(shop, items, ids) == before
    assert compact(registry(shop, items), date(2026, 7, 1))[0].removed == 3
    assert compact(registry(shop, items), date(2026, 7, 1)) == []


def test_what_was_merged_stays_for_slow_readers_until_the_next_compaction(shop, items, ids):
    compact(registry(shop, items), TODAY)
    assert {Path(f).stem for f in shop.files() if f.startswith("raw/")} >= set(ids)
    shop.write("Items", [(1, "pen", 7), (9, "thing 7", 1), (99, "bad", "price 7")])
    assert shop.load(items, now=datetime(2026, 6, 10, 2)).rows_deduplicated == 3
    assert {Path(f).stem for f in shop.files() if f.startswith("raw/")} >= set(ids)
    compact(registry(shop, items), TODAY)
    left = {Path(f).stem for f in shop.files() if f.startswith("raw/")}
    assert left & set(ids) == {ids[7]}


def test_loads_after_a_compaction_know_every_row_that_was_merged(shop, items, events, notes):
    for hour in range(3):
        rows = [(n, n, f"2026-06-01 0{n}:00:00") for n in range(hour + 1)]
        shop.write("Events", rows)
        shop.load(events, now=datetime(2026, 6, 1, 10 + hour))
        shop.write("Notes", [("a", 1)] * (hour + 1))
        shop.load(notes, now=datetime(2026, 6, 1, 10 + hour))
    compact(registry(shop, events, notes), TODAY)
    assert [len(raw_files(shop, c)) for c in (events, notes)] == [1, 1]
    for contract, rows in ((events, 1), (notes, 3)):
        again = shop.load(contract)
        assert (again.rows_read, again.rows_deduplicated, again.raw_file) == (rows, rows, None)
    shop.write("Notes", [("a", 1)])
    assert shop.load(notes).rows_vanished == 2


@pytest.mark.usefixtures("ids")
def test_the_warehouse_reads_the_merged_files_afterwards(shop, items):
    refresh(shop.settings, {items.relation: items})
    with open_warehouse(shop.settings) as con:
        before = con.sql("from raw.shop__items order by all").fetchall()
    for day in (TODAY, TODAY):
        compact(registry(shop, items), day)
    with open_warehouse(shop.settings) as con:
        assert con.sql("from raw.shop__items order by all").fetchall() == before


def test_files_in_which_a_column_has_another_type_are_not_merged(shop, items):
    columns = {"ItemID": "INTEGER", "Name": "TEXT", "Price": "DECIMAL(18,2)"}
    for hour in range(4):
        shop.write("Items", [(hour, "pen", hour)], columns)
        shop.load(items, now=datetime(2026, 6, 1, hour))
    odd = shop.lake.paths("raw", items)[2]
    with duck.connect(shop.settings) as con:
        con.execute(
            f"copy (select * replace (cast(name as blob) as name) from '{odd}') to '{odd}.new' "
            "(format parquet)"
        )
    Path(f"{odd}.new").replace(odd)
    compact(registry(shop, items), TODAY)
    assert [loads_in(f)[0] == loads_in(f)[1] for f in raw_files(shop, items)] == [
        False,
        True,
        True,
    ]


def test_a_merged_file_that_is_not_what_it_was_made_of_is_refused(shop, items, ids, monkeypatch):
    before = states(shop, items, ids)
    original = compaction._content
    monkeypatch.setattr(
        compaction, "_content", lambda con, rows: [*original(con, rows), ("/raw.2" in rows,)]
    )
    with pytest.raises(LandingError, match="changed their rows"):
        compact_table(registry(shop, items), items, TODAY)
    assert states(shop, items, ids) == before


@pytest.mark.usefixtures("ids")
def test_a_table_that_is_being_loaded_is_not_compacted(shop, items):
    settings = shop.settings.model_copy(update={"lock_timeout_seconds": 0})
    with shop.lake.lock(items, 0), pytest.raises(LandingError, match="in use by process"):
        compact_table(Registry(settings, {}, {items.relation: items}), items, TODAY)


@pytest.mark.parametrize(
    ("point", "when", "count", "merged"),
    [
        ("lake.place", "before", 1, 0),
        ("lake.place", "after", 1, 1),
        ("lake.place", "after", 4, 4),
    ],
)
def test_a_killed_compaction_leaves_the_old_files_or_the_new_one_never_both(
    shop, items, ids, point, when, count, merged
):
    before = states(shop, items, ids)
    process = subprocess.run(
        [sys.executable, str(DRIVER), str(shop.settings.data_dir), point, when, str(count)],
        cwd=DRIVER.parents[1],
        env={**os.environ, "PYTHONPATH": str(DRIVER.parents[1])},
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    files = [Path(f).name for zone in ("raw", "quarantine") for f in shop.lake.files(zone, items)]
    assert sum("-" in name for name in files) == merged
    assert states(shop, items, ids) == before
    compact(registry(shop, items), TODAY)
    assert len(raw_files(shop, items)) == 4
    assert states(shop, items, ids) == before


def test_a_file_whose_loads_lie_in_another_ones_is_not_looked_at():
    names = ["1", "1-3", "2", "3", "4", "5", "5-6", "6", "1-4"]
    assert [p.stem for p in uncovered(Path(f"{n}.parquet") for n in names)] == ["1-4", "5-6"]


def test_a_merged_file_of_loads_that_are_not_committed_is_swept(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    load = shop.load(items)
    (kept,) = shop.lake.paths("raw", items)
    kept.with_name("20200101T000000000000-20200102T000000000000.parquet").write_bytes(b"x")
    Lake(shop.settings.lake_dir).sweep(items)
    assert [p.stem for p in kept.parent.iterdir()] == [load.load_id]
