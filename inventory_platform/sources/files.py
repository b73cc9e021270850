"""Reading CSV and Parquet files: one file, or a folder with one file per table.

How a CSV is written (delimiter, quote, encoding) is declared, never guessed while loading,
and every value arrives as text. A row that does not have the header's number of fields is
kept apart with its line, so that it can be quarantined instead of failing the file.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from inventory_platform.duck import literal
from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.base import Relation, SourceTable, columns_of

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet")
_OPTIONS = {"encoding", "delimiter", "quote", "header"}
_CHUNK = 1 << 20
_LONGEST_LINE = 16 << 20


class FileReader:
    """Reads a file or a folder of files, without ever changing them.

    Args:
        path: A CSV or Parquet file, or a folder of them; a table is named like its file.
        options: How files are written, by file name; `*` holds for every file. Keys:
            `encoding` (default utf-8), `delimiter` (default `,`, a tab for .tsv), `quote`
            (default `"`), `header` (a list of names for a file without a header row).
    """

    def __init__(self, path: str, options: Mapping[str, Mapping[str, Any]]) -> None:
        self.path = Path(path)
        self.options = options
        for name, given in options.items():
            unknown = sorted(set(given) - _OPTIONS)
            if unknown:
                raise SettingsError(
                    f"File {name!r} of {path} has the unknown option {unknown[0]!r}.",
                    f"Known options: {', '.join(sorted(_OPTIONS))}.",
                )
        self._recoded = tempfile.TemporaryDirectory(prefix="inventory-recoded-")

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Check that the file or folder exists."""
        del con
        if not self.path.exists():
            raise SourceError(
                f"File or folder {self.path} does not exist.",
                "Correct the address in sources.toml.",
            )

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List the files that can be read."""
        del con
        if self.path.is_file():
            return [SourceTable(self.path.name)]
        found = sorted(p.name for p in self.path.iterdir() if p.suffix.lower() in SUFFIXES)
        return [SourceTable(name) for name in found]

    def relations(self, con: duckdb.DuckDBPyConnection, table: str) -> Iterator[Relation]:
        """Yield the fast relation of a file, then the one that knows the place of each row."""
        path = self.path if self.path.is_file() else self.path / table
        if not path.is_file():
            raise SourceError(
                f"File {path} does not exist.", "Put it there, or correct the contract."
            )
        if path.suffix.lower() == ".parquet":
            yield _parquet(con, path)
            return
        yield from self._csv(con, path)

    def _csv(self, con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Relation]:
        options = {**self.options.get("*", {}), **self.options.get(path.name, {})}
        encoding = options.get("encoding", "utf-8")
        delimiter = options.get("delimiter", "\t" if path.suffix.lower() == ".tsv" else ",")
        quote = options.get("quote", '"')
        readable = self._as_utf8(path, encoding)
        names = options.get("header") or read_header(readable, delimiter, quote)
        columns = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in names)
        scan = (
            f"read_csv({literal(str(readable))}, auto_detect = false, delim = "
            f"{literal(delimiter)}, quote = {literal(quote)}, escape = {literal(quote)}, "
            f"header = {str('header' not in options).lower()}, columns = {{{columns}}}, "
            f"max_line_size = {_LONGEST_LINE}, buffer_size = {2 * _LONGEST_LINE}"
        )
        types = dict.fromkeys(names, "VARCHAR")
        yield Relation(sql=f"select * from {scan})", columns=types, clean_only=True)
        # The second way costs one more pass, so it is taken only when rows were refused.
        con.execute("set preserve_insertion_order = true")
        header_lines = 0 if "header" in options else 1
        con.execute(
            "create or replace temp table csv_rows as select *, "
            f"row_number() over () + {header_lines} as _nth from {scan}, store_rejects = true)"
        )
        con.execute(
            "create or replace temp table csv_malformed as select line as _row, "
            "any_value(error_message) as _complaint, any_value(csv_line) as _line "
            "from reject_errors group by line"
        )
        # A row stands as many lines further down as there are malformed ones before it.
        yield Relation(
            sql="with passed as (select _row - nth as _after, max(nth) as _passed from (select "
            "_row, row_number() over (order by _row) as nth from csv_malformed) group by all) "
            "select * exclude (_nth, _after, _passed), _nth + coalesce(_passed, 0) as _row "
            "from csv_rows asof left join passed on _nth > _after "
            "union all by name select _complaint, _line, _row from csv_malformed",
            columns=types,
            position="_row",
            malformed=("_complaint", "_line"),
            suspect=True,
        )

    def _as_utf8(self, path: Path, encoding: str) -> Path:
        """The file itself when it is UTF-8, a re-encoded copy otherwise."""
        if encoding.lower().replace("_", "-") in {"utf-8", "utf8"}:
            return path
        target = Path(self._recoded.name) / path.name
        try:
            with (
                path.open(encoding=encoding, newline="") as source,
                target.open("w", encoding="utf-8", newline="") as copy,
            ):
                while chunk := source.read(_CHUNK):
                    copy.write(chunk)
        except LookupError:
            raise SettingsError(
                f"File {path} is declared with the unknown encoding {encoding!r}.",
                "Use a name such as utf-8, cp1252 or utf-16.",
            ) from None
        except UnicodeError as error:
            raise SourceError(
                f"File {path} is not {encoding}: {error}.",
                "Declare the encoding it is really written in.",
            ) from error
        return target


def read_header(path: Path, delimiter: str, quote: str) -> list[str]:
    """The column names in the first row of a UTF-8 file.

    Raises:
        SourceError: The file is empty, not text, or repeats a name.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file, delimiter=delimiter, quotechar=quote), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"File {path} is not a UTF-8 text file: {error}.",
            'Declare its encoding in sources.toml, for example `encoding = "cp1252"`.',
        ) from error
    if not any(names):
        raise SourceError(f"File {path} is empty.", "Wait for a complete file, or remove it.")
    # A column without a name is kept under its place; names differing only in capitals are one
    # to the engine.
    names = [name or f"unnamed_{place}" for place, name in enumerate(names, start=1)]
    folded = [name.casefold() for name in names]
    repeated = sorted({n for n, same in zip(names, folded, strict=True) if folded.count(same) > 1})
    if repeated:
        raise SourceError(
            f"File {path} has more than one column named {repeated[0]!r}.",
            "Rename one of them in the file.",
        )
    return names


def _parquet(con: duckdb.DuckDBPyConnection, path: Path) -> Relation:
    scan = f"read_parquet({literal(str(path))}, hive_partitioning = false"
    try:
        columns = columns_of(con, f"select * from {scan})")
    except duckdb.Error as error:
        raise SourceError(
            f"File {path} is not a complete Parquet file: {str(error).splitlines()[0]}.",
            "Send it again; a cut file cannot be read in part.",
        ) from error
    return Relation(
        sql=f"select * from {scan}, file_row_number = true)",
        columns=columns,
        position="file_row_number",
    )
