"""History under a changed contract: old values are read by today's rules, or told not to fit."""

import itertools
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

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
from inventory_platform.errors import ContractError
from inventory_platform.landing.compiler import reading
from inventory_platform.landing.history import rows_as_declared

SHAPE = {"ID": "INTEGER"}


def bills(annotation=None, *, cursor=None, key=("bill_id",), name="Due", **options):
    """A contract of a number and one more column, if any."""
    declared = {"bill_id": Integer}
    fields = {"bill_id": column("ID", "Identifies the bill.")}
    if annotation is not None:
        declared["due"] = annotation
        fields["due"] = column(name, "When, or how much, is due.", **options)
    namespace = {
        "__annotations__": declared,
        "__module__": __name__,
        "__doc__": "Bills.",
        **fields,
        "Config": type("Config", (), {"metadata": table("Bills", key=key, cursor=cursor)}),
    }
    return describe(type("Bills", (Contract,), namespace), "shop")


def write(shop, *values, kind="TEXT"):
    rows = [(number, value) for number, value in enumerate(values, start=1)]
    shop.write("Bills", rows, SHAPE | {"Due": kind})


def values_of(shop, contract):
    return shop.query(contract, "select due from {raw} order by bill_id, _load_id")


def test_text_that_nobody_declared_is_read_as_the_date_it_is_declared_to_be(shop):
    write(shop, "31/12/2024", "01/02/2024")
    assert shop.load(bills()).drift == ["added: Due (VARCHAR, kept as text)"]
    dated = bills(Date, nullable=True, formats=["%d/%m/%Y"])
    record = shop.load(dated)
    assert (record.rows_deduplicated, record.drift) == (2, [])
    assert shop.current(dated) == [(1, date(2024, 12, 31)), (2, date(2024, 2, 1))]


def test_a_value_that_does_not_fit_is_empty_and_told_once_and_never_rounded(shop):
    write(shop, "1.005", "2", "n/a", "")
    shop.load(bills())
    money = bills(Money, nullable=True, null_values=["n/a"])
    write(shop, "1.01", "2", "n/a", "")
    record = shop.load(money)
    assert record.drift == [
        "retyped: Due (1 value of earlier loads, VARCHAR, read as empty: "
        "Due: '1.005' has more than 2 decimals)"
    ]
    assert (record.rows_loaded, record.rows_deduplicated) == (1, 3)
    assert values_of(shop, money) == [
        (None,),
        (Decimal("1.01"),),
        (Decimal("2.00"),),
        (None,),
        (None,),
    ]
    assert shop.load(money).drift == []


def test_numbers_of_old_files_are_read_apart_from_those_of_new_ones(shop):
    # Read together with fractions, a large whole number would lose its last digit.
    write(shop, 1.6, 3.0, kind="REAL")
    shop.load(bills(Number, nullable=True))
    write(shop, 2, 2**53 + 1, kind="INTEGER")
    whole = bills(Integer, nullable=True)
    assert len(shop.load(whole).drift) == 1
    assert values_of(shop, whole) == [(None,), (2,), (3,), (2**53 + 1,)]


def test_a_decimal_comma_is_that_of_texts_and_not_of_numbers_stored_as_such(shop):
    write(shop, 1.125, kind="REAL")
    shop.load(bills(Number, nullable=True))
    shop.load(bills(Text, nullable=True))
    write(shop, "1.125", "1,5", kind="TEXT")
    shop.load(bills(Text, nullable=True))
    comma = bills(Number, nullable=True, decimal_mark=",")
    shop.load(comma)
    assert values_of(shop, comma)[0] == (1.125,)
    assert values_of(shop, comma)[-1] == (1.5,)


@pytest.mark.parametrize(
    ("before", "kind", "value", "after", "complaint"),
    [
        (Number, "REAL", 1.6, Integer, "'1.6' is not a whole number"),
        (Text, "TEXT", "A1", Integer, "'A1' is not a number, or too large for its column"),
        (Integer, "INTEGER", 7, Date, "'7' is not a date (YYYY-MM-DD)"),
    ],
)
def test_where_a_value_is_needed_the_load_says_which_does_not_fit_and_what_to_do(
    shop, before, kind, value, after, complaint
):
    write(shop, value, kind=kind)
    shop.load(bills(before))
    files = shop.files()
    shop.execute("drop table Bills")
    with pytest.raises(ContractError) as caught:
        shop.load(bills(after))
    assert caught.value.what.startswith("Contract shop__bills: column 'due' is ")
    assert complaint in caught.value.what
    for way_out in ("Keep the old type", "allow the column to be empty", "`shop/bills`"):
        assert way_out in caught.value.remedy
    assert shop.files() == files
    assert shop.current(bills(before)) == [(1, value)]


def test_a_key_that_becomes_a_number_keeps_its_rows_where_all_are_numbers(shop):
    write(shop, "7", "08")
    shop.load(bills(Text, key=["due"]))
    by_number = bills(Integer, key=["due"])
    assert shop.load(by_number).rows_deduplicated == 2
    assert shop.current(by_number) == [(1, 7), (2, 8)]
    write(shop, "A1")
    shop.load(bills(Text, key=["due"]))
    with pytest.raises(ContractError, match="'A1' is not a number"):
        shop.load(by_number)


def test_a_personal_value_that_does_not_fit_is_not_shown(shop):
    write(shop, "Ann")
    shop.load(bills(Text, nullable=True))
    (told,) = shop.load(bills(Integer, nullable=True, personal=True)).drift
    assert "value not shown" in told
    assert "Ann" not in told


def test_a_cursor_of_another_type_starts_anew(shop):
    rows = [(1, "2026-01-01 10:00:00"), (2, "2026-01-03 10:00:00")]
    shop.write("Bills", rows, SHAPE | {"Due": "TIMESTAMP"})
    assert shop.load(bills(Timestamp, cursor="due")).cursor_to == "2026-01-03 10:00:00"
    by_day = bills(Date, cursor="due")
    shop.write("Bills", [(1, "2026-01-01"), (3, "2026-01-02")], SHAPE | {"Due": "DATE"})
    record = shop.load(by_day)
    assert (record.cursor_from, record.rows_read) == (None, 2)
    assert (record.rows_loaded, record.rows_deduplicated) == (1, 1)


def test_a_cursor_of_numbers_that_are_days_becomes_a_time(shop):
    shop.write("Bills", [(1, 20240101)], SHAPE | {"Due": "INTEGER"})
    assert shop.load(bills(Integer, cursor="due")).cursor_to == "20240101"
    shop.write("Bills", [(1, "20240102")], SHAPE | {"Due": "TEXT"})
    timed = bills(Timestamp, cursor="due", formats=["%Y%m%d"])
    record = shop.load(timed)
    assert (record.cursor_from, record.cursor_to) == (None, "2024-01-02 00:00:00")
    assert values_of(shop, timed) == [(datetime(2024, 1, 1),), (datetime(2024, 1, 2),)]  # noqa: DTZ001


def test_a_replay_does_not_pass_over_history_that_does_not_fit(shop):
    write(shop, "A1", None)
    shop.load(bills(Text))
    with pytest.raises(ContractError, match="'A1'"):
        shop.replay(bills(Integer))
    assert shop.replay(bills(Text, nullable=True)).replayed == 1


def test_files_of_the_declared_types_are_read_in_one_plain_scan(shop):
    contract = bills(Money, nullable=True)
    for value in ("1", "2"):
        write(shop, value)
        shop.load(contract)
    files = shop.lake.files("raw", contract)
    with duckdb.connect() as con:
        con.execute(f"set file_search_path = '{shop.settings.lake_dir}'")
        plain = rows_as_declared(con, contract, files)
        assert plain.count("read_parquet") == 1
        assert "case" not in plain
        other = rows_as_declared(con, replace(contract, columns=bills(Text).columns), files)
    assert other.count("read_parquet") == 1
    assert "case" in other


def test_rows_of_files_in_other_types_say_where_they_stand(shop):
    write(shop, "1", "2")
    first = shop.load(bills())
    write(shop, "1", "3", kind="TEXT")
    numbered = bills(Integer, nullable=True)
    second = shop.load(numbered)
    with duckdb.connect() as con:
        con.execute(f"set file_search_path = '{shop.settings.lake_dir}'")
        rows = rows_as_declared(
            con,
            numbered,
            shop.lake.files("raw", numbered),
            options="filename = true, file_row_number = true",
        )
        found = con.execute(
            f"select parse_filename(filename, true), file_row_number, bill_id, due from ({rows}) "
            "order by all"
        ).fetchall()
    assert found == [
        (first.load_id, 0, 1, 1),
        (first.load_id, 1, 2, 2),
        (second.load_id, 0, 2, 3),
    ]


TYPES = {
    "BIGINT": (Integer, "7"),
    "DOUBLE": (Number, "7.5"),
    "DECIMAL(18,2)": (Money, "7.25"),
    "VARCHAR": (Text, "'x'"),
    "BOOLEAN": (Flag, "true"),
    "DATE": (Date, "date '2026-01-02'"),
    "TIMESTAMP": (Timestamp, "timestamp '2026-01-02 03:04:05'"),
    "BLOB": (Binary, "'x'::blob"),
}


@pytest.mark.parametrize(
    ("kind", "other"), [(k, o) for k, o in itertools.product(TYPES, TYPES) if k != o]
)
def test_a_value_of_any_type_is_read_as_any_other_or_refused_with_a_reason(kind, other):
    annotation, _ = TYPES[other]
    (value,) = [c for c in bills(annotation).columns if c.name == "due"]
    read = reading(value, kind)
    columns = ", ".join(f'{sql} as "{name}"' for name, sql in read.columns.items())
    with duckdb.connect() as con:
        con.execute(f"create table stored as select {TYPES[kind][1]} as due")
        row = con.execute(
            f"select due, coalesce({read.is_refused}, false), {read.complaint}, typeof(due) from "
            f"(select {columns} from (select {read.offered} as due from stored))"
        ).fetchone()
    assert row is not None
    assert row[3] == other
    fits = {
        ("BIGINT", "DOUBLE"), ("BIGINT", "DECIMAL(18,2)"), ("DECIMAL(18,2)", "DOUBLE"),
        ("DOUBLE", "DECIMAL(18,2)"), ("DATE", "TIMESTAMP"),
        ("TIMESTAMP", "DATE"), ("BOOLEAN", "BIGINT"),
        *((k, "VARCHAR") for k in TYPES), *((k, "BLOB") for k in TYPES),
    }  # fmt: skip
    assert row[1] == ((kind, other) not in fits)
    assert (row[2] is None) == ((kind, other) in fits)
