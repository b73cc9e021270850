"""The compiler: what is cast, what is refused, and that it judges as pandera does."""


# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaError

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
from inventory_platform.duck import identifier, literal
from inventory_platform.errors import ContractError
from inventory_platform.landing.compiler import compile_contract
from inventory_platform.sources.base import Relation

NOW = datetime(2026, 6, 1)


def contract_of(annotation, **options):
    """A contract of one column named `v`."""
    namespace = {
        "__annotations__": {"v": annotation},
        "__module__": __name__,
        "v": column("V", "Value.", nullable=True, **options),
        "Config": type("Config", (), {"metadata": table("One")}),
    }
    return describe(type("One", (Contract,), namespace), "shop")


def judge(contract, rows, kind="VARCHAR"):
    """Cast and judge rows of one column; yields (value, reason code) for each."""
    compiled = compile_contract(contract, {"V": kind}, NOW)
    rows_in = Relation("select V from source order by i", {"V": kind})
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"create table source (i integer, V {kind})")
        con.executemany("insert into source values (?, ?)", list(enumerate(rows)))
        return con.execute(
            f"select v, r ->> '$.code' from (select v, {compiled.reject(rows_in)} as r from "
            f"({compiled.select(rows_in)}))"
        ).fetchall()


def judge_one(contract, text, kind="VARCHAR"):
    return judge(contract, [text], kind)[0]


@pytest.mark.parametrize("text", ["0x1F", "0b11", "1_000", "abc", "1,5", "--1", "٣", "12 pcs"])
@pytest.mark.parametrize("annotation", [Integer, Money, Number])
def test_what_is_not_written_as_a_number_is_not_taken_for_one(annotation, text):
    assert judge_one(contract_of(annotation), text)[1] == "not_a_number"


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400"])
@pytest.mark.parametrize("annotation", [Integer, Money, Number])
def test_what_is_not_finite_is_not_a_number(annotation, text):
    assert judge_one(contract_of(annotation), text)[1] == "not_a_number"


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (Integer, "12", 12),
        (Integer, " 12 ", 12),
        (Integer, "+5", 5),
        (Integer, "007", 7),
        (Integer, "3.0", 3),
        (Integer, "1.0e+15", 10**15),
        (Integer, "9223372036854775807", 2**63 - 1),
        (Integer, "9007199254740993", 2**53 + 1),
        (Money, "9007199254740993.07", Decimal("9007199254740993.07")),
        (Money, "12.5", Decimal("12.50")),
        (Money, "-0.01", Decimal("-0.01")),
        (Money, "0.30000000000000004", Decimal("0.30")),
        (Money, "19.989999999999998", Decimal("19.99")),
        (Money, "12.5" + 40 * "0", Decimal("12.50")),
        (Money, "1.5e2", Decimal("150.00")),
        (Number, "0.30000000000000004", 0.30000000000000004),
        (Number, "1e3", 1000.0),
    ],
)
def test_a_number_in_text_is_cast_exactly(annotation, text, value):
    assert judge_one(contract_of(annotation), text) == (value, None)


@pytest.mark.parametrize(
    ("annotation", "text", "code"),
    [
        (Integer, "2.5", "not_an_integer"),
        (Integer, "2.5e0", "not_an_integer"),
        (Integer, "9007199254740993.5", "not_an_integer"),
        (Integer, "9223372036854775808", "not_a_number"),
        (Money, "1.005", "too_precise"),
        (Money, "12345678901234567.00", "not_a_number"),
        (Money, "12345678901234.567", "too_precise"),
        (Money, "999999999999999.999", "too_precise"),
        (Money, "1.0000000001", "too_precise"),
        (Money, "0.30000000100000004", "too_precise"),
        (Money, "1e-3", "too_precise"),
        (Money, "0.001", "too_precise"),
    ],
)
def test_a_number_that_a_cast_would_round_or_cut_is_refused(annotation, text, code):
    assert judge_one(contract_of(annotation), text)[1] == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,5", (Decimal("1.50"), None)),
        ("1.234,56", (Decimal("1234.56"), None)),
        ("-12", (Decimal("-12.00"), None)),
        ("1.5", (None, "not_a_number")),
        ("1,2,3", (None, "not_a_number")),
        ("1,005", (None, "too_precise")),
        ("12.345.678.901.234,567", (None, "too_precise")),
    ],
)
def test_a_decimal_comma_is_honoured_where_it_is_declared(text, expected):
    value, code = judge_one(contract_of(Money, decimal_mark=","), text)
    assert code == expected[1]
    assert code is not None or value == expected[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01 10:20:30", datetime(2024, 1, 1, 10, 20, 30)),
        ("2024-01-01T10:20:30", datetime(2024, 1, 1, 10, 20, 30)),
        ("2024-01-01T10:20:30Z", datetime(2024, 1, 1, 10, 20, 30)),
        ("2024-01-01", datetime(2024, 1, 1)),
        ("2024-01-01 10:20", datetime(2024, 1, 1, 10, 20)),
        ("2024-01-01 10:20:30.5", datetime(2024, 1, 1, 10, 20, 30, 500_000)),
        ("2024-01-01T00:00:00+02:00", datetime(2023, 12, 31, 22)),
        ("2024-01-01 0:0:0+02", datetime(2023, 12, 31, 22)),
        ("2024-01-01 00:00:00.25-05", datetime(2024, 1, 1, 5, 0, 0, 250_000)),
    ],
)
def test_an_instant_keeps_its_meaning_in_utc(text, value):
    assert judge_one(contract_of(Timestamp), text) == (value, None)


@pytest.mark.parametrize(
    "text",
    ["epoch", " epoch", "infinity", "-infinity", "now", "2024-02-30", "13:00", "1704067200",
     "01/02/2024", "0000-00-00", "20240101"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("annotation", "code"), [(Timestamp, "not_a_timestamp"), (Date, "not_a_date")]
)
def test_what_is_not_written_as_a_time_is_not_taken_for_one(annotation, code, text):
    assert judge_one(contract_of(annotation), text)[1] == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", (date(2024, 1, 31), None)),
        ("2024-01-31 00:00:00", (date(2024, 1, 31), None)),
        (" 2024-01-31 ", (date(2024, 1, 31), None)),
        ("2024-01-31 10:00:00", (None, "not_a_date")),
        ("2024-01-31 or so", (None, "not_a_date")),
        ("2024-1-1 x", (None, "not_a_date")),
    ],
)
def test_a_date_has_no_time_of_day(text, expected):
    value, code = judge_one(contract_of(Date), text)
    assert code == expected[1]
    assert code is not None or value == expected[0]


def test_dates_are_read_in_the_declared_formats_only():
    contract = contract_of(Date, formats=["%d/%m/%Y", "%d.%m.%Y"])
    assert judge(contract, ["03/04/2026", "03.04.2026", "2026-04-03", "13/14/2026"]) == [
        (date(2026, 4, 3), None),
        (date(2026, 4, 3), None),
        (None, "not_a_date"),
        (None, "not_a_date"),
    ]


def test_a_format_with_a_time_of_day_does_not_hide_it_from_a_date():
    contract = contract_of(Date, formats=["%d/%m/%Y %H:%M"])
    assert [code for _, code in judge(contract, ["03/04/2026 00:00", "03/04/2026 11:30"])] == [
        None,
        "not_a_date",
    ]


def test_spellings_of_no_value_are_declared_and_nothing_else_is_null():
    contract = contract_of(Integer, null_values=["N/A", "-"])
    assert judge(contract, ["N/A", "-", "", "n/a", "7"]) == [
        (None, None),
        (None, None),
        (None, None),
        (None, "not_a_number"),
        (7, None),
    ]


def test_an_empty_text_is_a_text():
    assert judge(contract_of(Text), ["", " ", None]) == [("", None), (" ", None), (None, None)]


def test_leading_zeros_of_a_text_are_kept():
    assert judge_one(contract_of(Text), "00123") == ("00123", None)


def test_truth_has_two_values():
    contract = contract_of(Flag)
    assert judge(contract, ["true", "F", "1", "maybe"]) == [
        (True, None),
        (False, None),
        (True, None),
        (None, "not_a_boolean"),
    ]
    assert judge(contract, [1, 0, 2], "BIGINT") == [
        (True, None),
        (False, None),
        (True, "not_a_boolean"),
    ]


def test_bytes_that_are_not_text_are_refused_in_a_text_and_kept_in_a_binary():
    assert judge(contract_of(Text), [b"caf\xc3\xa9", b"caf\xe9"], "BLOB") == [
        ("café", None),
        (None, "not_text"),
    ]
    assert judge_one(contract_of(Binary), b"caf\xe9", "BLOB") == (b"caf\xe9", None)


@pytest.mark.parametrize(
    ("annotation", "kind", "rows", "codes"),
    [
        (Integer, "DOUBLE", [2.0, 2.5], [None, "not_an_integer"]),
        (Integer, "DOUBLE", [float("nan"), 1e30], ["not_a_number", "not_a_number"]),
        (Integer, "HUGEINT", [5, 2**63], [None, "not_a_number"]),
        (Integer, "DECIMAL(10,2)", [Decimal("2.00"), Decimal("2.50")], [None, "not_an_integer"]),
        (Money, "DOUBLE", [0.1 + 0.2, 1.005, float("inf")], [None, "too_precise", "not_a_number"]),
        (Money, "DECIMAL(24,4)", [Decimal("12345678901234.5678")], ["too_precise"]),
        (Money, "DECIMAL(24,4)", [Decimal("12345678901234.5600")], [None]),
        (Money, "BIGINT", [5, 10**17], [None, "not_a_number"]),
        (Number, "DOUBLE", [1.5, float("nan")], [None, "not_a_number"]),
        (Date, "TIMESTAMP", [datetime(2024, 1, 1), datetime(2024, 1, 1, 5)], [None, "not_a_date"]),
    ],
)  # fmt: skip
def test_a_typed_value_that_does_not_fit_is_refused(annotation, kind, rows, codes):
    assert [code for _, code in judge(contract_of(annotation), rows, kind)] == codes


def test_an_instant_with_a_zone_becomes_utc():
    zoned = datetime.fromisoformat("2024-01-01T00:00:00+02:00")
    assert judge_one(contract_of(Timestamp), zoned, "TIMESTAMPTZ")[0] == datetime(2023, 12, 31, 22)


@pytest.mark.parametrize(
    ("options", "good", "bad", "code"),
    [
        ({"ge": 1, "le": 5}, ["1", "5"], ["0", "6"], "out_of_range"),
        ({"gt": 1, "lt": 5}, ["2", "4"], ["1", "5"], "out_of_range"),
        ({"isin": [1, 2]}, ["1", "2"], ["3"], "not_allowed"),
        ({"notin": [3]}, ["1", "2"], ["3"], "not_allowed"),
    ],
)
def test_rules_on_numbers(options, good, bad, code):
    judged = judge(contract_of(Integer, **options), good + bad)
    assert [c for _, c in judged] == [None] * len(good) + [code] * len(bad)


@pytest.mark.parametrize(
    ("options", "good", "bad", "code"),
    [
        ({"str_matches": "[A-Z]{2}$"}, ["AB"], ["ABC", "ab", ""], "bad_format"),
        ({"str_length": {"min_value": 2, "max_value": 3}}, ["ab", "äöü"], ["a", "ab d"],
         "bad_length"),
        ({"isin": ["it's", "a;b"]}, ["it's"], ["its"], "not_allowed"),
    ],
)  # fmt: skip
def test_rules_on_texts(options, good, bad, code):
    judged = judge(contract_of(Text, **options), good + bad)
    assert [c for _, c in judged] == [None] * len(good) + [code] * len(bad)


def test_a_rule_that_only_warns_rejects_nothing():
    contract = contract_of(Integer, ge=1, raise_warning=True)
    assert judge_one(contract, "0") == (0, None)


def test_a_rule_that_cannot_be_carried_out_is_named():
    with pytest.raises(ContractError, match="'v' uses the check 'str_startswith'"):
        compile_contract(contract_of(Text, str_startswith="x"), {"V": "VARCHAR"}, NOW)


def test_personal_data_is_not_repeated_in_the_reason():
    compiled = compile_contract(contract_of(Integer, personal=True), {"V": "VARCHAR"}, NOW)
    secret = Relation("select 'secret' as V", {"V": "VARCHAR"})
    with duckdb.connect() as con:
        (reason,) = con.execute(
            f"select r ->> '$.reason' from (select {compiled.reject(secret)} as r from "
            f"({compiled.select(secret)}))"
        ).fetchone()
    assert reason == (
        "V is not a number, or too large for its column (value not shown, personal data)"
    )


def test_names_of_a_source_are_quoted_wherever_they_go(shop):
    evil = 'a"; drop table x; --'
    wide = {evil: "INTEGER", "b'c": "TEXT", **{f"c {i}": "TEXT" for i in range(300)}}
    namespace = {
        "__annotations__": {"key": Integer, "quoted": Text, **{f"c{i}": Text for i in range(300)}},
        "__module__": __name__,
        "key": column(evil, "Key."),
        "quoted": column("b'c", "Quoted."),
        **{f"c{i}": column(f"c {i}", "One of many.", nullable=True) for i in range(300)},
        "Config": type("Config", (), {"metadata": table('t"; drop', key=["key"])}),
    }
    contract = describe(type("Wide", (Contract,), namespace), "shop")
    rows = [(1, "x", *range(300)), ("two", "y", *range(300)), (3, None, *range(300))]
    shop.write('t"; drop', rows, wide)
    record = shop.load(contract)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 2)
    assert shop.query(contract, "select key, quoted, c299 from {raw}") == [(1, "x", "299")]
    ((payload,),) = shop.query(contract, "select payload from ops.quarantine where position = 2")
    assert evil.replace('"', '\\"') in payload


# -- agreement with pandera ------------------------------------------------------------------


class Judged(Contract):
    """One column of each kind of rule."""

    key: Integer = column("Key", "Key.", ge=0)
    price: Money = column("Price", "Price.", nullable=True, ge=0, lt=100)
    word: Text = column("Word", "Word.", isin=["a", "b", "cc"], str_length={"max_value": 1})
    code: Text = column("Code", "Code.", nullable=True, str_matches="[A-Z]+$")
    size: Number = column("Size", "Size.", nullable=True, in_range={"min_value": 0, "max_value": 1})
    when: Timestamp = column("When", "Instant.", nullable=True)

    class Config:
        metadata = table("Judged", key=["key"])


JUDGED = describe(Judged, "shop")
COLUMNS = {"Key": Integer, "Price": Money, "Word": Text, "Code": Text, "Size": Number}

typed_rows = st.lists(
    st.tuples(
        st.none() | st.integers(-2, 5),
        st.none() | st.decimals(-1, 101, places=2),
        st.none() | st.sampled_from(["a", "b", "cc", "d", ""]),
        st.none() | st.sampled_from(["A", "AB", "Ab", "1", ""]),
        st.none() | st.sampled_from([0.0, 0.5, 1.0, 1.5, -0.1]),
        st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    ),
    min_size=1,
    max_size=10,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=typed_rows, as_text=st.booleans())
def test_a_row_is_accepted_exactly_when_pandera_accepts_it(rows, as_text):
    schema = Judged.to_schema()
    dtypes = {name: c.dtype.type for name, c in schema.columns.items()}
    kinds = {c.source: "VARCHAR" if as_text else c.type for c in JUDGED.columns}
    compiled = compile_contract(JUDGED, kinds, NOW)
    with duckdb.connect() as con:
        listed = ", ".join(f"{identifier(n)} {k}" for n, k in kinds.items())
        con.execute(f"create table source ({listed})")
        marks = ", ".join("cast(? as varchar)" if as_text else "?" for _ in kinds)
        con.executemany(f"insert into source values ({marks})", rows)
        names = ", ".join(identifier(c.name) for c in JUDGED.columns)
        source = Relation("from source", kinds)
        judged = con.execute(
            f"select {names}, {compiled.reject(source)} is null from ({compiled.select(source)})"
        ).fetchall()
    for row, (*values, accepted) in zip(rows, judged, strict=True):
        assert tuple(values) == row
        frame = pl.DataFrame([list(row)], schema=dtypes, orient="row")
        try:
            Judged.validate(frame)
        except SchemaError:
            assert not accepted, row
        else:
            assert accepted, row


def test_accepted_rows_of_a_dirty_table_validate_with_pandera(shop, tmp_path: Path):
    shop.write(
        "Judged",
        [(1, "1.5", "a", "AB", 0.5, "2024-01-01"), (2, "x", "a", None, 0, None),
         (3, 1, "zz", None, 0, None), (-1, 1, "a", None, 0, None), (4, None, "b", "A1", 0, None)],
        dict.fromkeys(["Key", "Price", "Word", "Code", "Size", "When"], "TEXT"),
    )  # fmt: skip
    record = shop.load(JUDGED)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 4)
    raw = pl.read_parquet(shop.settings.lake_dir / record.raw_file)
    Judged.validate(raw.select(c.name for c in JUDGED.columns))
    assert literal("it's") == "'it''s'"
