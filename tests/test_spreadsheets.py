"""Files for spreadsheets: nothing in them calculates, no value changes, none is half there.

What is written is read back with other tools: Python's csv, calamine, and the XML of the workbook.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import fastexcel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_platform.errors import PublishError
from inventory_platform.publishing import spreadsheets
from inventory_platform.publishing.spreadsheets import (
    harmless,
    write_csv,
    write_parquet,
    write_xlsx,
)

HOSTILE = {
    "=1+1": "'=1+1",
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    "+44 20 7946 0000": "'+44 20 7946 0000",
    "-2+3": "'-2+3",
    "@SUM(1,2)": "'@SUM(1,2)",
    "\t=1+1": "'\t'=1+1",
    "\r=1+1": "'\r'=1+1",
    "\n=1+1": "'\n'=1+1",
    "\tplain": "'\tplain",
    "  =1+1": "  '=1+1",
    '"=1+1"': '"\'=1+1"',
    "\uff1d1+1": "'\uff1d1+1",
    "x;=1+1": "x;'=1+1",
    'x;"=1+1"': 'x;"\'=1+1"',
    "first\n=1+1": "first\n'=1+1",
    "a\tb\t@x": "a\tb\t'@x",
}
HARMLESS = ["", "a=b", "2-3", "me@example.com", "a, -b", "Größe; Maß", "日本語", "it's", 'say "hi"']


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def read_csv(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.reader(text))


def texts(con: duckdb.DuckDBPyConnection, values: list[str]) -> duckdb.DuckDBPyRelation:
    con.execute("create or replace table texts (position integer, text varchar)")
    con.executemany("insert into texts values (?, ?)", list(enumerate(values)))
    return con.sql("from texts order by position")


@pytest.mark.parametrize(("text", "written"), HOSTILE.items(), ids=repr)
def test_text_that_would_calculate_gets_an_apostrophe(
    con: duckdb.DuckDBPyConnection, text: str, written: str
) -> None:
    assert harmless(con, text) == written


@pytest.mark.parametrize("text", HARMLESS, ids=repr)
def test_other_text_stays_as_it_is(con: duckdb.DuckDBPyConnection, text: str) -> None:
    assert harmless(con, text) == text


# Whatever a program takes for the end of a cell, the next one begins harmlessly.
@given(st.text(alphabet=st.sampled_from("=+-@;\t\r\n \"'a\uff1d"), max_size=8))
@settings(max_examples=300, deadline=None)
def test_no_text_holds_the_beginning_of_a_formula(
    con: duckdb.DuckDBPyConnection, text: str
) -> None:
    written = harmless(con, text)
    for cell in re.split(r"[;\t\r\n]", written):
        assert not re.match(r"[=+\-@\uff1d\uff0b\uff0d\uff20]", cell.strip(' "')), written
    assert not written or written[0] not in "\t\r\n"
    assert written.replace("'", "") == text.replace("'", "")


def test_a_csv_holds_hostile_text_where_it_was(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.csv"
    values = [*HOSTILE, *HARMLESS]
    assert write_csv(con, texts(con, values), file) == len(values)
    rows = read_csv(file)
    assert rows[0] == ["position", "text"]
    assert rows[1:] == [
        [str(position), HOSTILE.get(text, text)] for position, text in enumerate(values)
    ]


def test_names_of_columns_are_made_harmless_too(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.csv"
    write_csv(con, con.sql('select 1 as "=1+1", 2 as "a,b", 3 as "say ""hi"""'), file)
    assert read_csv(file) == [["'=1+1", "a,b", 'say "hi"'], ["1", "2", "3"]]


def test_numbers_dates_and_truths_stay_what_they_are(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.csv"
    rows = con.sql(
        "select -1 as i, -1.50::decimal(18,2) as d, -0.5::double as f, true as b, "
        "date '2026-09-30' as day, timestamp '2026-09-30 12:00:00' as at, "
        "'-inf'::double as endless, ['=1', 'b'] as list"
    )
    write_csv(con, rows, file)
    assert read_csv(file)[1] == [
        *("-1", "-1.50", "-0.5", "true", "2026-09-30", "2026-09-30 12:00:00"),
        *("'-inf", "['=1', b]"),
    ]


def test_in_a_csv_nothing_differs_from_empty_text(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.csv"
    write_csv(con, con.sql("select null::varchar as a, '' as b, 1 as c"), file)
    assert file.read_bytes() == b'\xef\xbb\xbfa,b,c\n,"",1\n'


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_no_rows_make_a_file_with_names_alone(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"out.{kind}"
    rows = con.sql("select 1 as a, 'x' as b where false")
    match kind:
        case "csv":
            assert write_csv(con, rows, file) == 0
            assert file.read_bytes() == b"\xef\xbb\xbfa,b\n"
        case "parquet":
            assert write_parquet(con, rows, file) == 0
            assert con.read_parquet(str(file)).columns == ["a", "b"]
        case "xlsx":
            assert write_xlsx(rows, file, {}, {}) == 0
            assert sheet(file, "data") == [["a", "b"]]


def test_rows_keep_the_order_they_were_asked_in(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.csv"
    assert write_csv(con, con.sql("from range(200000) t(i) order by i desc"), file) == 200_000
    assert [row[0] for row in read_csv(file)[1:]] == [str(i) for i in reversed(range(200_000))]


def test_parquet_keeps_values_as_they_are(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "out.parquet"
    assert write_parquet(con, con.sql("select '=1+1' as a, 1.5::decimal(18,4) as b"), file) == 1
    assert con.read_parquet(str(file)).fetchall() == [("=1+1", Decimal("1.5000"))]


def sheet(file: Path, name: str) -> list[list[object]]:
    frame = fastexcel.read_excel(file).load_sheet(name, header_row=None).to_polars()
    return [list(row) for row in frame.rows()]


def xml(file: Path, member: str) -> str:
    with zipfile.ZipFile(file) as archive:
        return archive.read(member).decode()


def test_a_workbook_holds_text_as_text_and_no_formula(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.xlsx"
    values = [*HOSTILE, *(text for text in HARMLESS if text), "https://example.com/"]
    assert write_xlsx(texts(con, values), file, {"query": "=1+1"}, {}) == len(values)
    read = [row[1] for row in sheet(file, "data")[1:]]
    # XML readers make one line break of every kind.
    assert [str(text).replace("\r", "\n") for text in read] == [
        text.replace("\r", "\n") for text in values
    ]
    for member in ("xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"):
        assert "<f>" not in xml(file, member)
        assert "<hyperlink" not in xml(file, member)
    # An edited cell stays text, as after an apostrophe.
    assert 'quotePrefix="1"' in xml(file, "xl/styles.xml")


def test_a_workbook_keeps_types_and_every_digit(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.xlsx"
    rows = con.sql(
        "select -1 as i, -1.50::decimal(18,2) as d, 0.1::double as f, true as b, "
        "date '2026-09-30' as day, timestamp '2026-09-30 12:30:00' as at, "
        "1234567890123456::bigint as long, 1234567890123.4567::decimal(18,4) as precise, "
        "'inf'::double as endless, date '1899-01-01' as early, 1000000000000000000 as round, "
        "null as nothing, 'x' as last"
    )
    write_xlsx(rows, file, {}, {})
    at = datetime.fromisoformat
    types = fastexcel.read_excel(file).load_sheet("data").to_polars()
    assert types.row(0) == (
        *(-1.0, -1.5, 0.1, True, at("2026-09-30"), at("2026-09-30 12:30:00")),
        *("1234567890123456", "1234567890123.4567", "inf", "1899-01-01", 1e18, None, "x"),
    )


def test_the_head_of_a_workbook_is_frozen_and_filters(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "out.xlsx"
    write_xlsx(con.sql("select 1 as a, 2 as b from range(3)"), file, {}, {})
    written = xml(file, "xl/worksheets/sheet1.xml")
    assert '<pane ySplit="1" topLeftCell="A2"' in written
    assert '<autoFilter ref="A1:B4"/>' in written


def test_a_workbook_says_what_it_holds(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "out.xlsx"
    about = {"mart": "dim_dates", "version": "20260930T1200"}
    write_xlsx(con.sql("select 1 as a, 2 as b"), file, about, {"b": "The second.", "c": "None."})
    assert sheet(file, "about") == [
        ["mart", "dim_dates"],
        ["version", "20260930T1200"],
        ["rows", "1"],
        ["b", "The second."],
    ]


def test_rows_that_do_not_fit_a_sheet_are_refused_and_leave_no_file(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out.xlsx"
    with pytest.raises(PublishError, match="it holds 1,048,575 below its header"):
        write_xlsx(con.sql("from range(1048576)"), file, {}, {})
    monkeypatch.setattr(spreadsheets, "SHEET_ROWS", 4)
    assert write_xlsx(con.sql("from range(3)"), file, {}, {}) == 3
    with pytest.raises(PublishError, match="it holds 3 below its header"):
        write_xlsx(con.sql("from range(4)"), tmp_path / "other.xlsx", {}, {})
    assert list(tmp_path.iterdir()) == [file]


def test_a_text_longer_than_a_cell_is_refused_by_its_place(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows = con.sql("select repeat('x', 32767 + i::integer) as note from range(2) t(i) order by i")
    with pytest.raises(PublishError, match="column note, row 2, has 32,768 characters"):
        write_xlsx(rows, tmp_path / "out.xlsx", {}, {})
    assert not list(tmp_path.iterdir())


Writer = Callable[[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation, Path], int]


def _xlsx(_: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, file: Path) -> int:
    return write_xlsx(rows, file, {}, {})


@pytest.mark.parametrize("write", [write_csv, write_parquet, _xlsx])
def test_a_file_that_cannot_be_written_is_named_and_the_one_before_stays(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, write: Writer
) -> None:
    file = tmp_path / "out"
    file.write_text("before")
    with pytest.raises(PublishError, match="cannot be written"):
        write(con, con.sql("select 1 as a"), tmp_path / "missing" / "out")
    with pytest.raises(duckdb.Error):
        write(con, con.sql("select cast('x' || i as integer) as a from range(9) t(i)"), file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
