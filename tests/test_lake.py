"""The lake's files: load ids, locks, records and where things lie."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from inventory_platform.errors import LandingError
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.loader import contract_version


def record(load_id="20260101T000000000000", **changes):
    facts = {
        "load_id": load_id, "source": "shop", "table_name": "items", "kind": "snapshot",
        "address": "x", "code_version": "1", "contract_version": "1",
        "started_at": "2026-01-01 00:00:00", "committed_at": "", "rows_read": 0,
        "rows_loaded": 0, "rows_quarantined": 0, "rows_deduplicated": 0, "rows_vanished": 0,
    }  # fmt: skip
    return LoadRecord(**{**facts, **changes})


def test_a_record_is_read_back_as_it_was_written():
    written = record(columns={"a": "BIGINT"}, drift=["added: b"])
    assert LoadRecord.from_json(written.to_json()) == written


def test_a_record_whose_rows_do_not_add_up_is_refused_and_nothing_becomes_visible(tmp_path, items):
    lake = Lake(tmp_path)
    with pytest.raises(LandingError, match="read 3 rows but can account for 2"):
        lake.commit(items, record(rows_read=3, rows_loaded=2), {})
    assert lake.load_ids(items) == []


def test_load_ids_grow_even_when_the_clock_jumps_back(tmp_path, items):
    lake = Lake(tmp_path)
    late, early = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    first = lake.new_load_id(items, late)
    lake.commit(items, record(first), {})
    second = lake.new_load_id(items, early)
    lake.commit(items, record(second), {})
    assert first < second == "20260601T000000000001"
    assert lake.last_record(items).load_id == second


def test_files_lie_by_source_table_and_day(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", "x")])
    load = shop.load(items, now=datetime(2026, 1, 31, 23, 59))
    assert load.load_id == "20260131T235900000000"
    assert shop.files() == [
        f"loads/shop/items/{load.load_id}.json",
        f"quarantine/shop/items/ingest_date=2026-01-31/{load.load_id}.parquet",
        f"raw/shop/items/ingest_date=2026-01-31/{load.load_id}.parquet",
    ]
    assert (load.raw_file, load.quarantine_file) == (shop.files()[2], shop.files()[1])


def test_a_record_is_plain_json_that_leads_back_to_code_contract_and_source(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    load = shop.load(items)
    told = json.loads((shop.lake.log_dir(items) / f"{load.load_id}.json").read_text())
    assert (told["address"], told["source"], told["table_name"]) == ("sqlite", "shop", "items")
    assert re.fullmatch(r"[0-9a-f]{12}", told["contract_version"])


def test_raw_files_hold_types_that_every_engine_reads(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    load = shop.load(items)
    kinds = shop.query(
        items,
        "select name, type, coalesce(logical_type, '') from "
        f"parquet_schema('{shop.settings.lake_dir / load.raw_file}') "
        "where name in ('item_id', 'name', 'price', '_loaded_at')",
    )
    physical = {name: kind for name, kind, _ in kinds}
    assert physical["item_id"] == "INT64"
    assert physical["name"] == "BYTE_ARRAY"
    logical = {name: kind for name, _, kind in kinds}
    assert "DecimalType(scale=2, precision=18" in logical["price"]
    assert "MICROS" in logical["_loaded_at"]


def test_a_lock_is_free_again_after_a_failure(tmp_path, items):
    lake = Lake(tmp_path)
    with pytest.raises(RuntimeError), lake.lock(items, 0):
        raise RuntimeError
    with lake.lock(items, 0):
        pass


def test_a_lock_file_left_behind_blocks_nobody(tmp_path, items):
    (tmp_path / ".locks").mkdir()
    (tmp_path / ".locks" / "shop__items.lock").write_text("12345")
    with Lake(tmp_path).lock(items, 0):
        pass


def test_the_lock_of_one_table_does_not_hold_up_another(shop, items, notes):
    shop.write("Notes", [("a", 1)])
    with shop.lake.lock(items, 0):
        assert shop.load(notes).rows_loaded == 1


def test_every_change_of_what_a_contract_says_about_rows_is_a_new_version(items):
    versions = {contract_version(items)}
    for change in (
        {"null_values": ("N/A",)},
        {"decimal_mark": ","},
        {"nullable": True},
        {"formats": ("%Y",)},
        {"source": "Other"},
    ):
        first, *others = items.columns
        versions.add(contract_version(replace(items, columns=(replace(first, **change), *others))))
    assert len(versions) == 6
