"""Rows of workbooks: XLSX and XLS.

Every cell arrives as text: dates in ISO 8601, text with its leading zeros, whole numbers
without decimals. A sheet is read whole, so its size is limited; where several follow
each other they are kept in the engine, which can put them to disk.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from posixpath import join, normpath
from xml.etree import ElementTree

import duckdb
import fastexcel
import pyarrow as pa

from inventory_platform.duck import identifier, literal
from inventory_platform.sources.files.archives import open_zip
from inventory_platform.sources.files.arrival import Part
from inventory_platform.sources.files.rows import COMPLAINT, ORIGIN, ROW, SEQUENCE, TEXT, Rows
from inventory_platform.sources.files.signatures import RefusedFileError
from inventory_platform.sources.files.text import check_names

MAX_SHEET = 512 << 20
"""Bytes of XML a sheet may have: a full one of a million rows and ten columns."""
MAX_XLS = 128 << 20

_CHUNK = 1 << 20
_LONGEST_CELL = 1 << 17
_AGAIN = "Send it again; nothing of it was read."
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}"

_FORMULA_CELL = re.compile(
    rb"<c\b([^>]*)>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
_PLACE = re.compile(rb'\br="([A-Z]+[0-9]+)"')


def sheet_rows(con: duckdb.DuckDBPyConnection, part: Part, *, is_only: bool) -> Rows:
    """Read a sheet into the engine.

    Args:
        con: Connection the rows are read over.
        part: The workbook.
        is_only: Whether it may stay in memory, as no other follows.

    Raises:
        RefusedFileError: The workbook is damaged, too large, or does not hold all its values.
    """
    sheet = part.options.sheet
    if part.suffix == ".xlsx":
        _check_xlsx(part)
    elif part.path.stat().st_size > MAX_XLS:
        raise RefusedFileError(
            f"File {part.shown} is larger than {MAX_XLS >> 20} MB.", "Send it as XLSX or CSV."
        )
    try:
        book = fastexcel.read_excel(part.path)
        loaded = book.load_sheet(
            sheet if isinstance(sheet, str) else sheet - 1,
            header_row=None,
            # Rows are counted as the workbook shows them, empty ones included.
            skip_rows=0,
            dtypes="string",
        )
        batch, errors = loaded.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        raise RefusedFileError(
            f"File {part.shown} cannot be read: {str(error).splitlines()[0]}.",
            "Correct `sheet` in sources.toml, or send the workbook again.",
        ) from error
    cells = pa.Table.from_batches([batch])
    names = _names(part, cells)
    first = part.options.first_row
    cells = cells.slice(first - 1).rename_columns([f"c{i}" for i in range(len(names))])
    place = pa.array(range(first, first + cells.num_rows), pa.int64())
    wrong = {e.position[0] + 1: e for e in (errors.errors if errors else [])}
    return _keep(con, part, names, cells.append_column("place", place), wrong, is_only)


def _names(part: Part, cells: pa.Table) -> list[str]:
    declared = part.options.names
    if declared:
        if len(declared) != cells.num_columns:
            raise RefusedFileError(
                f"File {part.shown} has {cells.num_columns} columns; {len(declared)} are declared.",
                "Correct `header` in sources.toml.",
            )
        return check_names(part.shown, declared)
    above = part.options.rows_above
    if cells.num_rows <= above:
        raise RefusedFileError(
            f"File {part.shown} has no row {above + 1}, where its header should be.",
            "Correct `header` in sources.toml, or send a complete file.",
        )
    row = [column[above].as_py() for column in cells.columns]
    while row and not row[-1]:
        row.pop()
    width = cells.num_columns - len(row)
    return check_names(part.shown, [*row, *[None] * width] if row else [])


def _keep(
    con: duckdb.DuckDBPyConnection,
    part: Part,
    names: list[str],
    cells: pa.Table,
    wrong: dict[int, fastexcel.CellError],
    is_only: bool,
) -> Rows:
    kept, given = f"file_rows_{part.number}", f"file_cells_{part.number}"
    listed = ", ".join(f"c{i} as {identifier(n)}" for i, n in enumerate(names))
    filled = ", ".join(f"c{i}" for i in range(len(names)))
    con.register(given, cells)
    con.execute(
        f"create or replace temp {'view' if is_only else 'table'} {kept} as "
        f"select {listed}, place as {ROW} from {given} "
        # An empty row is no row, unless what it held could not be read.
        f"where coalesce({filled}) is not null or list_contains({sorted(wrong)}::bigint[], place)"
    )
    if not is_only:
        con.unregister(given)
    origin = f"{literal(part.origin)} as {ORIGIN}, {part.number} as {SEQUENCE}"
    columns = dict.fromkeys(names, "VARCHAR")
    if not wrong:
        return Rows(f"select *, {origin} from {kept}", columns)
    complaints = ", ".join(f"({row}, {literal(_complaint(e))})" for row, e in wrong.items())
    fields = ", ".join(f"{literal(n)}: {identifier(n)}" for n in names)
    return Rows(
        f"select *, {origin} from {kept} where {ROW} not in ({', '.join(map(str, wrong))}) "
        f"union all by name select complaint as {COMPLAINT}, "
        f"cast(to_json({{{fields}}}) as varchar) as {TEXT}, {ROW}, {origin} from {kept} "
        f"join (values {complaints}) v(place, complaint) on place = {ROW}",
        columns,
    )


def _complaint(error: fastexcel.CellError) -> str:
    row, column = error.position
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    what = re.sub(r"^.*Error\((\w+)\).*$", r"the error \1", error.detail)
    return f"Cell {letters}{row + 1} holds {what} instead of a value."


# -- looking into the archive ---------------------------------------------------------------


def _check_xlsx(part: Part) -> None:
    with open_zip(part.shown, part.path) as archive:
        try:
            name = _sheet_path(part, archive)
            if archive.getinfo(name).file_size > MAX_SHEET:
                raise RefusedFileError(
                    f"File {part.shown} has a sheet of more than {MAX_SHEET >> 20} MB.",
                    "Send it in smaller pieces, or as CSV.",
                )
            missing = next(_uncalculated(archive, name), None)
        except (
            KeyError,
            EOFError,
            zlib.error,
            zipfile.BadZipFile,
            ElementTree.ParseError,
            NotImplementedError,
        ) as error:
            raise RefusedFileError(
                f"File {part.shown} is not a complete workbook: {error}.", _AGAIN
            ) from error
    if missing:
        raise RefusedFileError(
            f"File {part.shown} has a formula without a calculated value in cell {missing}.",
            "Open it in a spreadsheet program, save it, and send it again.",
        )


def _sheet_path(part: Part, archive: zipfile.ZipFile) -> str:
    wanted = part.options.sheet
    book = _xml(part, archive, "xl/workbook.xml")
    sheets = book.findall(f"{_MAIN}sheets/{_MAIN}sheet")
    names = [s.get("name", "") for s in sheets]
    number = wanted - 1 if isinstance(wanted, int) else _index(names, wanted)
    if number >= len(sheets):
        raise RefusedFileError(
            f"File {part.shown} has no sheet {wanted!r}.",
            f"Its sheets: {', '.join(names)}. Correct `sheet` in sources.toml.",
        )
    relation = sheets[number].get(f"{_REL}id")
    for target in _xml(part, archive, "xl/_rels/workbook.xml.rels").iter(f"{_PACKAGE}Relationship"):
        if target.get("Id") == relation:
            path = target.get("Target", "")
            return path.lstrip("/") if path.startswith("/") else normpath(join("xl", path))
    raise KeyError(f"sheet {wanted!r} is missing")


def _index(names: list[str], wanted: str) -> int:
    return names.index(wanted) if wanted in names else len(names)


def _xml(part: Part, archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with archive.open(name) as file:
        text = file.read(_CHUNK * 8)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise RefusedFileError(
            f"File {part.shown} declares entities, which no workbook needs.",
            "Do not trust its sender.",
        )
    return ElementTree.fromstring(text)


def _uncalculated(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    """Cells with a formula and no value; such rows would be left out without a word."""
    with archive.open(name) as file:
        rest = b""
        while chunk := file.read(_CHUNK):
            text = rest + chunk
            if b"<f" in text:
                for cell in _FORMULA_CELL.finditer(text):
                    # An empty text is a calculated value too.
                    if b't="str"' not in cell[1]:
                        place = _PLACE.search(cell[1])
                        yield place[1].decode() if place else "?"
            cut = max(text.rfind(b"<c "), len(text) - _LONGEST_CELL)
            rest = text[cut:]
