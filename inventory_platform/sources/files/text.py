"""Rows of delimited text: CSV, TSV, TXT.

Every value arrives as text. A row that does not have the header's number of fields, and a
line with a quote that never ends, are kept apart with their text, so that they can be
quarantined instead of failing the file or swallowing what follows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from inventory_platform.duck import literal
from inventory_platform.sources.files.arrival import Part, origins
from inventory_platform.sources.files.options import FileOptions
from inventory_platform.sources.files.rows import (
    COMPLAINT,
    ORIGIN,
    ROW,
    SEQUENCE,
    TEXT,
    Rows,
    plain,
)
from inventory_platform.sources.files.signatures import RefusedFileError

MAX_COLUMNS = 2_000
LONGEST_LINE = 16 << 20
LONGEST_RECORD = 1 << 20
"""Bytes a row may have that is spread over several lines, in a file with quotes that never end."""

_UNENDED = "Value with unterminated quote found."
_MARK = "\x02unended\x03"
_NO_PAIRS = "its quotes do not match."
_NO_LINE_END = "state machine reached an invalid state"
_TOO_LONG = "LINE SIZE OVER MAXIMUM"
_UNTRUSTED = ("UNQUOTED VALUE", _TOO_LONG)


def _header(shown: str, path: Path, delimiter: str, quote: str, above: int) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for _ in range(above):
                file.readline()
            rows = (
                csv.reader(file, delimiter=delimiter, quotechar=quote)
                if quote
                else csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            )
            names = next(rows, [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefusedFileError(
            f"File {shown} is not a UTF-8 text file: {error}.",
            'Declare its encoding in sources.toml, for example `encoding = "cp1252"`.',
        ) from error
    return check_names(shown, names)


def check_names(shown: str, names: Sequence[str | None]) -> list[str]:
    """The names of a header as they are used here.

    Raises:
        RefusedFileError: There are none, too many, or a name is there twice.
    """
    if not any(names):
        raise RefusedFileError(
            f"File {shown} is empty where its header should be.",
            "Wait for a complete file, or declare the row the names stand in.",
        )
    if len(names) > MAX_COLUMNS:
        raise RefusedFileError(
            f"File {shown} has {len(names):,} columns; {MAX_COLUMNS:,} are allowed.",
            "Declare the delimiter it is written with, or send fewer columns.",
        )
    if any("\0" in name for name in names if name):
        raise RefusedFileError(
            f"File {shown} has NUL characters in its header.",
            'Declare its encoding; it may be `encoding = "utf-16"`.',
        )
    # A column without a name is kept under its place; names differing only in capitals are one
    # to the engine.
    named = [name or f"unnamed_{place}" for place, name in enumerate(names, start=1)]
    folded = [name.casefold() for name in named]
    repeated = sorted({n for n, same in zip(named, folded, strict=True) if folded.count(same) > 1})
    if repeated:
        raise RefusedFileError(
            f"File {shown} has more than one column named {repeated[0]!r}.",
            "Rename one of them in the file.",
        )
    return named


class TextFile:
    """One text file whose header was read.

    Raises:
        RefusedFileError: It has no usable header.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        options = part.options
        self.delimiter = options.delimiter or ("\t" if part.suffix == ".tsv" else ",")
        self.quote = options.quote
        self.names: tuple[str, ...] = options.names or tuple(
            _header(part.shown, part.path, self.delimiter, self.quote, options.rows_above)
        )

    @property
    def dialect(self) -> tuple[object, ...]:
        """What files must share to be read in one go."""
        options: FileOptions = self.part.options
        return self.names, self.delimiter, self.quote, bool(options.names), options.rows_above

    def scan(self, paths: Sequence[Path], more: str = "") -> str:
        """The rows of files like this one, in SQL."""
        options = self.part.options
        columns = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in self.names)
        listed = ", ".join(literal(plain(path)) for path in paths)
        skip = f", skip = {options.rows_above}" if options.rows_above else ""
        return (
            f"read_csv([{listed}], auto_detect = false, delim = {literal(self.delimiter)}, "
            f"quote = {literal(self.quote)}, escape = {literal(self.quote)}, "
            f"header = {str(not options.names).lower()}{skip}, columns = {{{columns}}}, "
            f"compression = 'none', max_line_size = {LONGEST_LINE}, "
            f"buffer_size = {2 * LONGEST_LINE}{more})"
        )


def fast_rows(files: Sequence[TextFile]) -> Rows:
    """All rows in one scan for each dialect, without their places; fails on a broken row."""
    groups: dict[tuple[object, ...], list[TextFile]] = {}
    for file in files:
        groups.setdefault(file.dialect, []).append(file)
    selects = []
    for group in groups.values():
        named = origins([file.part for file in group])
        scan = group[0].scan([file.part.path for file in group], named.option)
        selects.append(f"select {named.columns}, {named.origin} as {ORIGIN} from {scan}")
    names = dict.fromkeys(name for file in files for name in file.names)
    return Rows(" union all by name ".join(selects), dict.fromkeys(names, "VARCHAR"))


def careful_rows(con: duckdb.DuckDBPyConnection, file: TextFile, scratch: Path) -> Rows:
    """The rows of one file with their places, and the broken ones apart.

    Args:
        con: Connection the rows are kept in.
        file: The file.
        scratch: A path for a mended copy, where one is needed.

    Raises:
        RefusedFileError: The file cannot be split into rows.
    """
    number = file.part.number
    kept, broken = f"file_rows_{number}", f"file_broken_{number}"
    errors = _scan(con, file, file.part.path, kept, broken)
    if errors is None or errors & set(_UNTRUSTED):
        # After a quote that never ends the engine's own account of the rows cannot be trusted;
        # where lines end in several ways it has none.
        mend(file, scratch)
        errors = _scan(con, file, scratch, kept, broken)
        if errors is None:
            raise RefusedFileError(
                f"File {file.part.shown} cannot be split into rows: its lines end in several ways.",
                "End every line in the same way, and put quotes around values with a line end.",
            )
        if errors & set(_UNTRUSTED):
            is_long = _TOO_LONG in errors
            raise RefusedFileError(
                f"File {file.part.shown} cannot be split into rows: "
                + (f"a line is longer than {LONGEST_LINE >> 20} MB." if is_long else _NO_PAIRS),
                "Declare the quote it is written with, or send it again.",
            )
    # A row stands as many lines further down as there are broken ones before it.
    passed = (
        "select _row - nth as _after, max(nth) as _passed from (select _row, row_number() over "
        f"(order by _row) as nth from {broken}) group by all"
    )
    origin = f"{literal(file.part.origin)} as {ORIGIN}, {number} as {SEQUENCE}"
    return Rows(
        f"select * exclude (_nth, _after, _passed), _nth + coalesce(_passed, 0) as {ROW}, {origin} "
        f"from {kept} asof left join ({passed}) on _nth > _after union all by name "
        f"select _complaint as {COMPLAINT}, _line as {TEXT}, _row as {ROW}, {origin} from {broken}",
        dict.fromkeys(file.names, "VARCHAR"),
    )


def _scan(
    con: duckdb.DuckDBPyConnection, file: TextFile, path: Path, kept: str, broken: str
) -> set[str] | None:
    """Keep the rows of a file in two tables; returns the kinds of what is wrong with some.

    None where the engine cannot tell where lines end.
    """
    con.execute("drop table if exists reject_errors")
    con.execute("drop table if exists reject_scans")
    scan = file.scan([path], ", store_rejects = true")
    above = file.part.options.first_row - 1
    try:
        # Any condition on this scan makes the engine fail, so all of it is kept first.
        con.execute(
            f"create or replace temp table {kept} as select *, "
            f"row_number() over () + {above} as _nth from {scan}"
        )
    except duckdb.Error as error:
        if _NO_LINE_END in str(error):
            return None
        raise RefusedFileError(
            f"File {file.part.shown} cannot be read: {str(error).splitlines()[0]}.",
            "Declare how it is written, or send it again.",
        ) from error
    quote, end = file.quote, _too_many(file)
    start = literal(quote + _MARK)
    cut = f"csv_line[{len(quote + _MARK) + 1}:length(csv_line) - {len(quote + end)}]"
    con.execute(
        f"create or replace temp table {broken} as select line as _row, "
        f"any_value(case when starts_with(csv_line, {start}) then {literal(_UNENDED)} "
        "else error_message end) as _complaint, "
        f"any_value(case when starts_with(csv_line, {start}) then "
        f"replace({cut}, {literal(quote * 2)}, {literal(quote)}) else csv_line end) as _line "
        "from reject_errors group by line"
    )
    kinds = con.execute("select distinct cast(error_type as varchar) from reject_errors").fetchall()
    return {kind for (kind,) in kinds}


def mend(file: TextFile, target: Path) -> None:
    """Copy a file so that no line with a quote that never ends can swallow the lines after it.

    Such a line becomes one quoted field with too many delimiters behind it: a row that the engine
    refuses, in its own place and with its own text. All lines end in the same way in the copy.

    Raises:
        RefusedFileError: The file holds a line that is too long.
    """
    quote, delimiter = file.quote.encode(), file.delimiter.encode()
    row = _Row(quote, delimiter) if quote else None
    end = _too_many(file).encode() + b"\n"
    with file.part.path.open("rb") as source, target.open("wb") as copy:
        for _ in range(file.part.options.rows_above):
            copy.write(_with_one_end(source.readline()))
        for record, is_whole in _records(source, row):
            if is_whole:
                copy.write(_with_one_end(record))
                continue
            if len(record) > LONGEST_LINE // 2:
                raise RefusedFileError(
                    f"File {file.part.shown} has a line of more than {LONGEST_LINE >> 21} MB "
                    "with a quote that never ends.",
                    "Declare the quote it is written with, or send it again.",
                )
            text = record.rstrip(b"\r\n").replace(quote, quote * 2)
            copy.write(quote + _MARK.encode() + text + quote + end)


def _with_one_end(record: bytes) -> bytes:
    return record[:-2] + b"\n" if record.endswith(b"\r\n") else record


def _too_many(file: TextFile) -> str:
    """Fields that make a row too long; empty ones at its end would be forgiven."""
    return f"{file.delimiter}x" * len(file.names)


class _Row:
    """Tells whether some bytes are a whole row, the beginning of one, or neither."""

    def __init__(self, quote: bytes, delimiter: bytes) -> None:
        self.quote = quote
        q, d = re.escape(quote), re.escape(delimiter)
        quoted = rb"%b(?:[^%b]++|%b%b)*+%b" % (q, q, q, q, q)
        plain = rb"(?!%b)[^%b\r\n]*+" % (q, d)
        field = rb"(?:%b|%b)" % (quoted, plain)
        self.whole = re.compile(rb"(?:%b%b)*+%b\r?\n?" % (field, d, field))
        self.begun = re.compile(rb"(?:%b%b)*+%b(?:[^%b]++|%b%b)*+" % (field, d, q, q, q, q))


def _records(source: Iterator[bytes], row: _Row | None) -> Iterator[tuple[bytes, bool]]:
    """Split a file into rows, and single lines that are none."""
    waiting: list[bytes] = []
    while True:
        line = waiting.pop() if waiting else next(source, b"")
        if not line:
            return
        if row is None or row.quote not in line or row.whole.fullmatch(line):
            yield line, True
            continue
        lines, size = [line], len(line)
        is_whole, is_open = False, row.begun.fullmatch(line) is not None
        while is_open and size <= LONGEST_RECORD:
            more = waiting.pop() if waiting else next(source, b"")
            if not more:
                break
            lines.append(more)
            size += len(more)
            if row.quote in more:
                is_whole = row.whole.fullmatch(b"".join(lines)) is not None
                is_open = not is_whole and row.begun.fullmatch(b"".join(lines)) is not None
        if is_whole:
            yield b"".join(lines), True
        else:
            yield line, False
            waiting.extend(reversed(lines[1:]))
