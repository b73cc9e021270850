"""Rows of a query as a file for people: CSV, a workbook, or Parquet.

A file appears under its name when it is whole. CSV and Parquet are written by the engine, the
workbook row by row: neither needs memory for all rows. Here belongs what a spreadsheet does to
values: a text that would be taken for a formula, a number with more digits than it keeps, a sheet
that is full. Which rows go out is the caller's.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from inventory_platform.duck import identifier, literal
from inventory_platform.errors import PublishError

SHEET_ROWS = 1_048_576
"""Rows of a worksheet, the header among them."""
CELL_CHARACTERS = 32_767
"""Characters of a cell."""
EXACT_DIGITS = 15
"""Digits of a number that a spreadsheet keeps."""

_BYTE_ORDER_MARK = "\ufeff"
# A formula begins with one of these, also in the wide form of East Asian keyboards.
_TRIGGERS = "=+@\uff1d\uff0b\uff0d\uff20-"
# Where a program splits cells at another character than the comma, a text may hold the beginning
# of a cell: after a semicolon, a tab or a line break. Blanks and quotes are skipped on the way.
_CELL_BEGINS = rf'((?:^|[;\t\r\n])[\s"]*)([{_TRIGGERS}])'
_BLANK_BEGINS = r"^([\t\r\n])"
_EARLIEST = date(1900, 3, 1)
"""Before it, worksheets count the days wrong."""


class FileFormat(StrEnum):
    """Kinds of file rows can go out as."""

    csv = "csv"
    xlsx = "xlsx"
    parquet = "parquet"


def write_csv(con: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, file: Path) -> int:
    """Write rows as CSV that a spreadsheet opens without calculating anything.

    Text that would be a formula gets an apostrophe before it; numbers, dates and truths stay as
    they are. An empty text is `""`, a missing value nothing. The byte order mark tells
    spreadsheets that the text is UTF-8.

    Args:
        con: The connection of the rows; must be allowed to write the file and its `.part`.
        rows: What to write.
        file: Where to.

    Returns:
        How many rows it holds.
    """
    plain = _plain(rows)
    columns = [
        _HARMLESS.get(kind.id, identifier)(name)
        for name, kind in zip(plain.columns, plain.types, strict=True)
    ]
    line = io.StringIO()
    names = (harmless(con, name) for name in rows.columns)
    csv.writer(line, lineterminator="\n").writerow(names)
    head = f"{_BYTE_ORDER_MARK}{line.getvalue()}"
    options = f"format csv, header false, prefix {literal(head)}, suffix '\n'"
    with _appears_whole(file) as part:
        written = _copy(con, plain.project(", ".join(columns)), part, options)
        if not written:
            # The engine's suffix would be an empty line.
            part.write_text(head, encoding="utf-8", newline="")
    return written


def write_parquet(con: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, file: Path) -> int:
    """Write rows as Parquet, values and types as they are.

    Args:
        con: The connection of the rows; must be allowed to write the file and its `.part`.
        rows: What to write.
        file: Where to.

    Returns:
        How many rows it holds.
    """
    with _appears_whole(file) as part:
        return _copy(con, rows, part, "format parquet, compression zstd")


def write_xlsx(
    rows: duckdb.DuckDBPyRelation,
    file: Path,
    about: Mapping[str, str],
    meanings: Mapping[str, str],
) -> int:
    """Write rows as a workbook with a sheet of data and one that says what they are.

    Text is text, whatever it begins with, and stays text when its cell is edited. A number with
    more digits than a spreadsheet keeps is written as text, so that no digit changes.

    Args:
        rows: What to write.
        file: Where to.
        about: What is said of the data as a whole.
        meanings: Column → what it means, where that is known.

    Returns:
        How many rows it holds.

    Raises:
        PublishError: There are more rows than a sheet holds, or a text is longer than a cell.
    """
    counted = rows.aggregate("count(*)").fetchall()[0][0]
    _refuse_if_full(counted)
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with _appears_whole(file) as part, xlsxwriter.Workbook(str(part), options) as book:
        sheet = _Sheet(book, "data")
        sheet.head(rows.columns)
        written = 0
        for row in _fetched(_plain(rows)):
            written += 1
            _refuse_if_full(written)
            sheet.row(written, row, rows.columns)
        sheet.filter(written, len(rows.columns))
        _write_about(book, {**about, "rows": f"{written:,}"}, rows.columns, meanings)
    return written


def harmless(con: duckdb.DuckDBPyConnection, text: str) -> str:
    """A text as `write_csv` writes it."""
    found = con.execute(
        f"select {_harmless_text('text')} from (select ? as text)", [text]
    ).fetchall()
    return str(found[0][0])


def _harmless_text(column: str) -> str:
    name = identifier(column)
    marked = f"regexp_replace({name}, {literal(_CELL_BEGINS)}, '\\1''\\2', 'g')"
    return f"regexp_replace({marked}, {literal(_BLANK_BEGINS)}, '''\\1') as {name}"


def _harmless_number(column: str) -> str:
    """A number of floating point; `-inf` would be a formula."""
    name = identifier(column)
    text = f"cast({name} as varchar)"
    return f"case when isfinite({name}) then {text} else '''' || {text} end as {name}"


_HARMLESS = {"varchar": _harmless_text, "float": _harmless_number, "double": _harmless_number}


def _plain(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows with everything as text that is neither number, date nor truth."""
    return rows.project(
        ", ".join(
            identifier(name)
            if kind.id in _KEPT
            else f"cast({identifier(name)} as varchar) as {identifier(name)}"
            for name, kind in zip(rows.columns, rows.types, strict=True)
        )
    )


_KEPT = frozenset(
    (
        *("tinyint", "smallint", "integer", "bigint", "hugeint"),
        *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
        *("float", "double", "decimal", "boolean", "date", "timestamp"),
    )
)


def _copy(
    con: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, file: Path, options: str
) -> int:
    rows.create_view("going_out", replace=True)
    copied = con.execute(f"copy (from going_out) to {literal(str(file))} ({options})")
    return int(copied.fetchall()[0][0])


@contextmanager
def _appears_whole(file: Path) -> Iterator[Path]:
    part = part_of(file)
    try:
        yield part
        part.replace(file)
    except (OSError, duckdb.IOException, xlsxwriter.exceptions.FileCreateError) as error:
        raise PublishError(
            f"{file} cannot be written: {error}",
            "Name a folder that exists and can be written, and close the file where it is open.",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def part_of(file: Path) -> Path:
    """Where a file is written before it is whole."""
    return file.with_name(f"{file.name}.part")


def _fetched(rows: duckdb.DuckDBPyRelation) -> Iterator[tuple[Any, ...]]:
    while batch := rows.fetchmany(10_000):
        yield from batch


def _refuse_if_full(rows: int) -> None:
    if rows >= SHEET_ROWS:
        raise PublishError(
            f"The rows do not fit a worksheet: it holds {SHEET_ROWS - 1:,} below its header.",
            "Ask for fewer rows with --sql, or export as csv or parquet.",
        )


class _Sheet:
    """The sheet of data while it is written, row by row."""

    def __init__(self, book: xlsxwriter.Workbook, name: str) -> None:
        self._sheet = book.add_worksheet(name)
        self._bold = book.add_format({"bold": True, "quote_prefix": True})
        self._text = book.add_format({"quote_prefix": True})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def head(self, names: Sequence[str]) -> None:
        for column, name in enumerate(names):
            self._sheet.set_column(column, column, min(max(len(name) + 4, 12), 40))
        for column, name in enumerate(names):
            self._sheet.write_string(0, column, name, self._bold)
        self._sheet.freeze_panes(1, 0)

    def row(self, number: int, values: Sequence[Any], names: Sequence[str]) -> None:
        for column, value in enumerate(values):
            match value:
                case None:
                    continue
                case bool():
                    self._sheet.write_boolean(number, column, value)
                case int() | float() | Decimal() if _keeps(value):
                    self._sheet.write_number(number, column, value)
                case datetime() if value.date() >= _EARLIEST:
                    self._sheet.write_datetime(number, column, value, self._instant)
                case date() if not isinstance(value, datetime) and value >= _EARLIEST:
                    self._sheet.write_datetime(number, column, value, self._day)
                case _:
                    self._write_text(number, column, str(value), names[column])

    def filter(self, rows: int, columns: int) -> None:
        self._sheet.autofilter(0, 0, rows, columns - 1)

    def _write_text(self, number: int, column: int, text: str, name: str) -> None:
        if len(text) > CELL_CHARACTERS:
            raise PublishError(
                f"A text in column {name}, row {number:,}, has {len(text):,} characters; a cell "
                f"holds {CELL_CHARACTERS:,}.",
                "Shorten it with --sql, or export as csv or parquet.",
            )
        self._sheet.write_string(number, column, text, self._text)


def _keeps(number: float | Decimal) -> bool:
    if isinstance(number, float):
        return math.isfinite(number)
    digits = Decimal(number).normalize().as_tuple().digits
    return len(digits) <= EXACT_DIGITS


def _write_about(
    book: xlsxwriter.Workbook,
    about: Mapping[str, str],
    columns: Sequence[str],
    meanings: Mapping[str, str],
) -> None:
    sheet = book.add_worksheet("about")
    bold = book.add_format({"bold": True, "valign": "top", "quote_prefix": True})
    text = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    said = [*about.items(), *((name, meanings[name]) for name in columns if name in meanings)]
    for number, (name, value) in enumerate(said):
        sheet.write_string(number, 0, name, bold)
        sheet.write_string(number, 1, value[:CELL_CHARACTERS], text)
