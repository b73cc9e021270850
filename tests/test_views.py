"""The views: committed state only, as of any load, wherever the lake lies."""

import shutil

from inventory_platform import duck
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.settings import Settings


def test_an_empty_lake_gives_empty_typed_views(shop, items, events, notes):
    with duck.connect(shop.settings) as con:
        create_views(con, shop.lake, [items, events, notes])
        assert con.sql("from ops.loads").fetchall() == []
        assert con.sql("from ops.quarantine").fetchall() == []
        assert con.sql("from ops.schema_versions").fetchall() == []
        shape = con.sql("describe raw.shop__items").fetchall()
    assert [(name, kind) for name, kind, *_ in shape] == [
        ("item_id", "BIGINT"),
        ("name", "VARCHAR"),
        ("price", "DECIMAL(18,2)"),
        ("_load_id", "VARCHAR"),
        ("_loaded_at", "TIMESTAMP"),
        ("_is_deleted", "BOOLEAN"),
        ("_position", "BIGINT"),
        ("_origin", "VARCHAR"),
    ]


def test_empty_and_filled_views_have_the_same_shape(shop, items):
    def shape(contract):
        return [row[:2] for row in shop.query(contract, "describe {raw}")]

    empty = shape(items)
    shop.write("Items", [(1, "pen", 1), (2, "ink", "x")])
    shop.load(items)
    assert shape(items) == empty
    assert [r[0] for r in shop.query(items, "describe ops.quarantine")] == [
        "reject_id", "load_id", "source", "table_name", "happened_at", "origin", "position",
        "reason_code", "reason", "payload", "status", "resolved_load_id",
    ]  # fmt: skip


def test_the_lake_may_move(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", "x")])
    shop.load(items)
    database = shop.folder / "views.duckdb"
    with duck.connect(shop.settings, database) as con:
        create_views(con, shop.lake, [items])
        before = (
            con.sql("from raw.shop__items").fetchall(),
            con.sql("from ops.quarantine").fetchall(),
        )
    moved = Settings(data_dir=shop.folder / "moved", threads=1)
    shutil.move(shop.settings.lake_dir, moved.lake_dir)
    with duck.connect(moved, database) as con:
        assert (
            con.sql("from raw.shop__items").fetchall(),
            con.sql("from ops.quarantine").fetchall(),
        ) == before
        create_views(con, Lake(moved.lake_dir), [items])
        assert con.sql("from raw.shop__items").fetchall() == before[0]


def test_the_state_after_an_earlier_load_can_be_seen(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    first = shop.load(items)
    shop.write("Items", [(1, "pen", 2), (2, "ink", "x")])
    second = shop.load(items)
    count = (
        "select (select count(*) from {raw}), (select count(*) from ops.loads), "
        "(select count(*) from ops.quarantine)"
    )
    assert shop.query(items, count, as_of=first.load_id) == [(1, 1, 0)]
    assert shop.query(items, count, as_of=second.load_id) == [(2, 2, 1)]
    assert shop.query(items, count, as_of="2000") == [(0, 0, 0)]


def test_a_file_without_a_record_is_invisible(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", "x")])
    load = shop.load(items)
    (shop.lake.log_dir(items) / f"{load.load_id}.json").unlink()
    assert shop.query(items, "from {raw}") == []
    assert shop.query(items, "from ops.quarantine") == []


def test_files_written_before_a_column_existed_are_read_beside_newer_ones(shop, items):
    shape = {"ItemID": "INTEGER", "Name": "TEXT", "Price": "DECIMAL(18,2)"}
    shop.write("Items", [(1, "pen", 1)], shape)
    shop.load(items)
    shop.write(
        "Items",
        [
            (1, "pen", 1),
            (
                2,
                "ink",
                2,
            ),
        ],
        shape,
    )
    shop.load(items)
    shop.write("Items", [(3, "cap", 3, "A7")], shape | {"Shelf": "TEXT"})
    shop.load(items)
    rows = shop.query(items, "select item_id, shelf from {raw} where not _is_deleted order by 1")
    assert rows == [(1, None), (2, None), (3, "A7")]


def test_the_ledger_shows_every_table(shop, items, notes):
    shop.write("Items", [(1, "pen", 1)])
    shop.write("Notes", [("a", 1)])
    shop.load(items)
    shop.load(notes)
    with duck.connect(shop.settings) as con:
        create_views(con, shop.lake, [items, notes])
        rows = con.sql("select table_name, rows_loaded from ops.loads order by 1").fetchall()
    assert rows == [("items", 1), ("notes", 1)]
