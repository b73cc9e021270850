"""The SQLite reader: nothing changes on the way; failures say what, where and what to do."""


# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from inventory_platform import duck
from inventory_platform.contracts.base import (
    Binary,
    Contract,
    Date,
    Flag,
    Integer,
    Money,
    Number,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.errors import SourceError
from inventory_platform.sources.sqlite import SqliteReader


class Values(Contract):
    """One column of each type."""

    key: Integer = column("Key", "Key.")
    text: Text = column("T", "Text.", nullable=True)
    number: Number = column("N", "Number.", nullable=True)
    money: Money = column("M", "Money.", nullable=True)
    day: Date = column("D", "Day.", nullable=True)
    instant: Timestamp = column("I", "Instant.", nullable=True)
    flag: Flag = column("F", "Flag.", nullable=True)
    blob: Binary = column("B", "Bytes.", nullable=True)

    class Config:
        metadata = table("Values", key=["key"])


class Times(Contract):
    """Only times, so that the typed relation is tried first."""

    key: Integer = column("Key", "Key.")
    day: Date = column("D", "Day.", nullable=True)
    instant: Timestamp = column("I", "Instant.", nullable=True)

    class Config:
        metadata = table("Times", key=["key"])


VALUES = describe(Values, "shop")
TIMES = describe(Times, "shop")
SHAPE = {
    "Key": "INTEGER", "T": "TEXT", "N": "REAL", "M": "DECIMAL(18,2)", "D": "DATE",
    "I": "TIMESTAMP", "F": "BOOLEAN", "B": "BLOB",
}  # fmt: skip
TIME_SHAPE = {"Key": "INTEGER", "D": "DATE", "I": "TIMESTAMP"}
ROW = (1, "007", 0.1 + 0.2, 12.34, "2024-02-29", "2024-02-29 12:00:00", 1, b"\x00\xff")
EXPECTED = (
    1, "007", 0.30000000000000004, Decimal("12.34"), date(2024, 2, 29),
    datetime(2024, 2, 29, 12), True, b"\x00\xff",
)  # fmt: skip


def test_every_type_arrives_exactly(shop):
    shop.write("Values", [ROW], SHAPE)
    assert shop.load(VALUES).rows_loaded == 1
    assert shop.current(VALUES) == [EXPECTED]


def test_every_type_arrives_exactly_beside_a_dirty_row(shop):
    shop.write("Values", [ROW, ("x", *ROW[1:])], SHAPE)
    assert shop.load(VALUES).rows_loaded == 1
    assert shop.current(VALUES) == [EXPECTED]
    assert shop.rejects(VALUES) == [(2, "not_a_number")]


def test_every_type_arrives_exactly_from_columns_without_a_type(shop):
    shop.write("Values", [ROW], dict.fromkeys(SHAPE, ""))
    assert shop.load(VALUES).rows_loaded == 1
    assert shop.current(VALUES) == [EXPECTED]


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize(
    "number", [0.1 + 0.2, 1e15 + 0.3, 1.7976931348623157e308, 5e-324, -2.5e-310]
)
def test_a_real_number_keeps_all_its_digits(shop, number, dirty):
    shop.write(
        "Values", [(1, None, number) + (None,) * 5, *([("x",) + (None,) * 7] * dirty)], SHAPE
    )
    shop.load(VALUES)
    assert [repr(row[2]) for row in shop.current(VALUES)] == [repr(number)]


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("amount", ["0.30", "1234567.89", "9999999999.99", "-0.01"])
def test_money_kept_as_a_real_number_stays_exact(shop, amount, dirty):
    shop.write(
        "Values",
        [(1, None, None, float(amount)) + (None,) * 4, *([("x",) + (None,) * 7] * dirty)],
        SHAPE,
    )
    shop.load(VALUES)
    assert [row[3] for row in shop.current(VALUES)] == [Decimal(amount)]


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2024-01-01T00:00:00+02:00", datetime(2023, 12, 31, 22)),
        ("2024-01-01 00:00:00Z", datetime(2024, 1, 1)),
        ("2024-01-01", datetime(2024, 1, 1)),
        ("2024-01-01 0:0:0+02", datetime(2023, 12, 31, 22)),
        ("epoch", "not_a_timestamp"),
        ("infinity", "not_a_timestamp"),
        (1700000000, "not_a_timestamp"),
        (2460000.5, "not_a_timestamp"),
    ],
)
def test_an_instant_means_the_same_whichever_way_it_is_read(shop, instant, expected, dirty):
    shop.write("Times", [(1, None, instant), *([("x", None, None)] * dirty)], TIME_SHAPE)
    shop.load(TIMES)
    if isinstance(expected, str):
        assert (1, expected) in shop.rejects(TIMES)
    else:
        assert shop.current(TIMES) == [(1, None, expected)]


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("day", ["2024-01-01 10:00:00", "epoch", 1700000000, "2024-01-01 or so"])
def test_a_date_with_more_than_a_day_is_quarantined_whichever_way_it_is_read(shop, day, dirty):
    shop.write("Times", [(1, day, None), *([("x", None, None)] * dirty)], TIME_SHAPE)
    shop.load(TIMES)
    assert (1, "not_a_date") in shop.rejects(TIMES)


def test_text_that_is_not_utf_8_is_quarantined_with_its_bytes(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    shop.execute("insert into Items values (2, cast(x'636166e9' as text), 2)")
    record = shop.load(items)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 1)
    assert shop.rejects(items) == [(2, "not_text")]
    ((payload,),) = shop.query(items, "select payload->>'Name' from ops.quarantine")
    assert payload == r"\x636166E9"


def test_one_broken_text_between_many_others_is_found(shop, items):
    """The first and the last value are fine, so no minimum or maximum gives it away."""
    shop.write("Items", [(n, f"pen {n:04}", 1) for n in range(1, 2001)])
    shop.execute("update Items set Name = cast(x'70656e20e9' as text) where rowid = 1000")
    record = shop.load(items)
    assert (record.rows_loaded, record.rows_quarantined) == (1999, 1)
    assert shop.rejects(items) == [(1000, "not_text")]


def test_bytes_where_text_is_declared_are_read_as_text(shop, items):
    shop.write("Items", [(1, "café".encode(), 1)])
    shop.load(items)
    assert [name for _, name, _ in shop.current(items)] == ["café"]


def test_a_number_too_large_for_its_column_is_one_quarantined_row(shop, items):
    shop.write(
        "Items",
        [(1, "pen", 1), (2**63 - 1, "ink", 1), ("9223372036854775808", "x", 1), (4, "y", 1e17)],
    )
    shop.load(items)
    assert [i for i, *_ in shop.current(items)] == [1, 2**63 - 1]
    assert [position for position, _ in shop.rejects(items)] == [3, 4]


def test_a_missing_database_is_named(tmp_path, shop, items):
    with pytest.raises(SourceError) as caught:
        shop.load(items)
    assert caught.value.what == f"SQLite database {shop.database} does not exist."
    assert "sources.toml" in caught.value.remedy


def test_a_file_that_is_no_database_is_named(shop, items):
    shop.database.write_text("this is not a database, but it is long enough to look like one" * 20)
    with pytest.raises(
        SourceError, match=f"SQLite database {shop.database} cannot be read"
    ) as caught:
        shop.load(items)
    assert "complete SQLite database" in caught.value.remedy
    assert shop.files() == []


def test_a_cut_database_loads_nothing_and_is_named(shop, items):
    shop.write("Items", [(i, "pen" * 50, 1) for i in range(5_000)])
    whole = shop.database.read_bytes()
    shop.database.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError) as caught:
        shop.load(items)
    assert "complete" in caught.value.remedy
    assert shop.files() == []
    shop.database.write_bytes(whole)
    assert shop.load(items).rows_loaded == 5_000


def test_an_unknown_table_is_named_and_others_load(shop, items, notes):
    shop.write("Notes", [("a", 1)])
    with pytest.raises(SourceError) as caught:
        shop.load(items)
    assert caught.value.what == f"SQLite database {shop.database} has no table 'Items'."
    assert "contract" in caught.value.remedy
    assert shop.load(notes).rows_loaded == 1


HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("begin exclusive")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_locked_database_is_named_and_read_when_it_is_free(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(shop.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    try:
        with pytest.raises(SourceError) as caught:
            shop.load(items)
        assert caught.value.what == f"SQLite database {shop.database} is locked by another program."
        assert "Wait" in caught.value.remedy
    finally:
        holder.communicate(b"")
    assert shop.load(items).rows_loaded == 1


def test_the_source_is_never_written(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", "x")])
    before = shop.database.read_bytes()
    shop.load(items)
    assert shop.database.read_bytes() == before
    assert {p.name for p in shop.folder.iterdir()} == {"data", "shop.sqlite"}


def test_a_table_without_row_ids_is_read_too(shop, items):
    shop.execute("create table Items (ItemID integer primary key, Name text, Price) without rowid")
    shop.execute("insert into Items values (1, 'pen', 1), (2, 'ink', 'x')")
    record = shop.load(items)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 1)
    assert shop.rejects(items) == [(None, "not_a_number")]


def test_declared_keys_and_references_are_listed(shop):
    with closing(sqlite3.connect(shop.database)) as db, db:
        db.executescript(
            "create table a (id integer primary key, name text not null);"
            "create table b (x integer, y integer, a_id integer references a (id), "
            "primary key (x, y));"
            "create table c (code text); create unique index c_code on c (code);"
        )
    with duck.connect(shop.settings) as con:
        a, b, c = SqliteReader(str(shop.database)).tables(con)
    assert (a.name, a.key, a.not_null) == ("a", ["id"], {"id", "name"})
    assert (b.key, b.references) == (["x", "y"], {"a_id": ("a", "id")})
    assert c.key == ["code"]


@pytest.mark.parametrize("kind", ["stored", "virtual"])
def test_a_generated_column_is_a_column_like_any_other(shop, kind):
    class Lines(Contract):
        """Lines of an order, whose total the database calculates."""

        line_id: Integer = column("LineID", "Identifies the line.")
        price: Money = column("Price", "Price of one.")
        total: Money = column("Total", "Price of all.")
        share: Number = column("Share", "Part of a dozen.")

        class Config:
            metadata = table("Lines", key=["line_id"])

    shop.execute(
        "create table Lines (LineID integer primary key, Quantity integer, Price real, "
        f"Total real as (Quantity * Price) {kind} not null, Share real as (Quantity / 12.0) {kind})"
    )
    shop.execute("insert into Lines values (7, 5, 1.25), (8, 'many', 1)")
    contract = describe(Lines, "shop")
    record = shop.load(contract)
    assert record.drift == ["added: Quantity (BLOB, kept as text)"]
    assert shop.current(contract) == [
        (7, Decimal("1.25"), Decimal("6.25"), 5 / 12),
        (8, Decimal("1.00"), Decimal("0.00"), 0.0),
    ]
    (listed,) = SqliteReader(str(shop.database)).tables(duckdb.connect())
    assert listed.not_null == {"LineID", "Total"}
