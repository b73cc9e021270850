"""Records that an earlier version of the platform wrote are read by this one.

`earlier_formats/` holds a record of every shape there ever was, as it was written then. A field
that is added, renamed or removed needs another file there: the newest must have all fields.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from inventory_platform import duck
from inventory_platform.assets.build_state import BuildState, read_build_state, write_build_state
from inventory_platform.assets.dbt_graph import Part
from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.pages import FetchRecord, PageStore
from inventory_platform.landing.suppression import Erasure, keep_erasure, read_erasures
from inventory_platform.landing.views import create_views
from inventory_platform.operations.backup.repository import Manifest
from inventory_platform.operations.retention import Removal, removed_rows
from inventory_platform.publishing.parquet import Publication, current_publication
from inventory_platform.record_format import RecordFormat
from inventory_platform.settings import Settings
from inventory_platform.sources.base import Input

EARLIER = Path(__file__).with_name("earlier_formats")
LOAD = "20260901T020000000001"


def written(kind: str) -> list[str]:
    return [p.read_text() for p in sorted(EARLIER.glob(f"{kind}_*.json"))]


@pytest.mark.parametrize(
    ("kind", "shapes", "record"),
    [
        ("load_record", 4, LoadRecord),
        ("fetch_record", 1, FetchRecord),
        ("publication", 1, Publication),
        ("build_state", 2, BuildState),
        ("backup_manifest", 3, Manifest),
        ("erasure", 1, Erasure),
        ("retention", 1, Removal),
    ],
)
def test_every_shape_there_was_is_on_file_and_the_newest_is_the_present_one(kind, shapes, record):
    files = written(kind)
    assert len(files) == shapes
    assert {f.name for f in fields(record)} == set(json.loads(files[-1])) - {"format"}


@pytest.mark.parametrize("text", written("load_record"))
def test_a_load_record_of_any_version_is_read(text):
    record = LoadRecord.from_json(text)
    assert (record.load_id, record.rows_read, record.rows_vanished) == (LOAD, 4, 1)
    assert record.columns == {"ItemID": "INTEGER", "Name": "TEXT"}
    # What an earlier version did not know is what it did: nothing of it.
    spans = "cursor_spans" in json.loads(text)
    assert bool(record.cursor_spans) == spans
    assert record.resume == ("7" if "resume" in json.loads(text) else None)
    assert LoadRecord.from_json(record.to_json()) == record


@pytest.mark.parametrize("text", written("load_record"))
def test_the_ledger_shows_load_records_of_any_version(tmp_path, items, text):
    settings = Settings(data_dir=tmp_path, threads=1)
    lake = Lake(settings.lake_dir)
    lake.log_dir(items).mkdir(parents=True)
    (lake.log_dir(items) / f"{LOAD}.json").write_text(text)
    with duck.connect(settings) as con:
        create_views(con, lake, [items])
        ledger = con.sql("select load_id, rows_read, rows_loaded from ops.loads").fetchall()
        versions = con.sql("select version, drift from ops.schema_versions").fetchall()
        inputs = con.sql("select name from ops.inputs").fetchall()
    assert ledger == [(LOAD, 4, 2)]
    assert versions == [(1, ["new column Colour"])]
    assert inputs == [(given["name"],) for given in json.loads(text).get("inputs", [])]


def test_a_refusal_from_before_declarations_were_kept_is_looked_at_again(tmp_path, items):
    lake = Lake(tmp_path)
    lake.log_dir(items).mkdir(parents=True)
    record = json.loads(written("load_record")[3])
    refused = record["inputs"][1]
    for given, is_known in ((refused, True), ({**refused, "declared": None}, False)):
        earlier = {name: value for name, value in given.items() if value is not None}
        text = json.dumps({**record, "inputs": [earlier]})
        (lake.log_dir(items) / f"{LOAD}.json").write_text(text)
        assert Input(**refused).is_among(lake.inputs(items, "c1")) == is_known
        assert not Input(**refused).is_among(lake.inputs(items, "c2"))


def test_a_fetch_record_of_the_first_version_is_read(tmp_path):
    folder = tmp_path / "fetches" / "tills" / "receipts"
    folder.mkdir(parents=True)
    (folder / f"{LOAD}.json").write_text(written("fetch_record")[0])
    record = PageStore(Lake(tmp_path), "tills", "receipts").last()
    assert record is not None
    assert (record.pages, record.bytes, record.resume) == (3, 4096, "page 3")


@pytest.mark.parametrize("text", written("backup_manifest"))
def test_a_manifest_of_a_backup_of_any_version_is_read(text):
    (file,) = RecordFormat(Manifest, "manifest").read(text).files
    assert file.path == f"data/lake/loads/shop/items/{LOAD}.json"
    assert file.etag == ("44136fa3" if "etag" in text else "")


def test_the_record_of_an_erasure_from_before_records_said_their_format_is_read(tmp_path):
    lake = Lake(tmp_path)
    (tmp_path / "erasures").mkdir()
    (tmp_path / "erasures" / f"{LOAD}.json").write_text(written("erasure")[0])
    (erasure,) = read_erasures(lake)
    (trace,) = erasure.traces
    assert (trace.relation, trace.columns) == ("shop__customers", ("customer_id",))
    assert (trace.fingerprints, erasure.values) == ({"a" * 64}, {"b" * 64, "c" * 64})
    assert (erasure.erased, erasure.proven_at) == ({"raw": 2}, "2026-09-01 02:00:09")
    keep_erasure(lake, erasure)
    assert read_erasures(lake) == [erasure]


def test_the_record_of_retention_from_before_records_said_their_format_is_read(tmp_path):
    lake = Lake(tmp_path)
    (tmp_path / "retention").mkdir()
    (tmp_path / "retention" / f"{LOAD}.json").write_text(written("retention")[0])
    assert removed_rows(lake) == {("shop__items", "history"): ("20260610", 2)}


def test_a_publication_of_the_first_version_is_read(tmp_path):
    folder = tmp_path / "versions" / "20260901T030000000000"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(written("publication")[0])
    (tmp_path / "current").symlink_to("versions/20260901T030000000000")
    found = current_publication(tmp_path)
    assert found is not None
    assert found[1].rows == {"dim_products": 2}


def test_a_build_state_from_before_there_were_parts_says_that_nothing_is_built(tmp_path):
    settings = Settings(data_dir=tmp_path)
    (tmp_path / "build_state.json").write_text(written("build_state")[0])
    state = read_build_state(settings)
    assert state.problem(set(Part)) is not None
    assert state.months.recipe == ""  # so that all months are built


def test_a_build_state_with_parts_is_read(tmp_path):
    settings = Settings(data_dir=tmp_path)
    (tmp_path / "build_state.json").write_text(written("build_state")[1])
    state = read_build_state(settings)
    assert state.problem(set(Part)) is None
    assert (state.months.recipe, state.months.due) == ("f00d", ("2026-08-01",))
    assert state.months.late == {"2025-01-01": 3}
    write_build_state(settings, state)
    assert read_build_state(settings) == state


def test_a_field_that_a_later_version_added_is_no_obstacle():
    text = json.dumps({**json.loads(written("load_record")[-1]), "colour": "blue"})
    assert LoadRecord.from_json(text) == LoadRecord.from_json(written("load_record")[-1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "is of format 2; this version of the platform knows formats up to 1"),
        ({"format": "x"}, "its format is no number"),
        ({"rows_read": "many"}, "wrong or missing: rows_read"),
    ],
)
def test_what_cannot_be_read_is_refused_and_says_why(change, told):
    text = json.dumps({**json.loads(written("load_record")[-1]), **change})
    with pytest.raises(InventoryError, match=told):
        LoadRecord.from_json(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7"])
def test_what_is_no_record_at_all_is_refused(text):
    with pytest.raises(InventoryError, match="cannot be read: it is no JSON object"):
        LoadRecord.from_json(text)


def test_a_missing_field_is_named():
    fields_of = json.loads(written("load_record")[0])
    del fields_of["rows_read"]
    with pytest.raises(InventoryError, match="wrong or missing: rows_read"):
        LoadRecord.from_json(json.dumps(fields_of))


def test_upgrades_lead_from_any_earlier_format_to_the_newest():
    def renamed(fields):
        return {**fields, "load_id": fields.pop("id")}

    def split(fields):
        fields["source"], fields["table_name"] = fields.pop("relation").split("__")
        return fields

    newest = RecordFormat(LoadRecord, "load record", [renamed, split])
    last = LoadRecord.from_json(written("load_record")[-1])
    third = asdict(last)
    second = {k: v for k, v in third.items() if k not in ("source", "table_name")}
    second["relation"] = "shop__items"
    first = {k: v for k, v in second.items() if k != "load_id"} | {"id": last.load_id}
    assert newest.read(json.dumps(first)) == last
    assert newest.read(json.dumps({"format": 2, **second})) == last
    assert newest.read(newest.write(last)) == last
    assert json.loads(newest.write(last))["format"] == 3
