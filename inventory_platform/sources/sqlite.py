"""Reading SQLite databases.

SQLite keeps whatever was written, whatever the declared type. The typed relation is the
fast one; it fails on the first value that does not fit, and is given up where an instant is
written in any but the usual way. The next gives the text of each value; the last gives its
exact bytes, for real numbers of many digits and text that is not UTF-8. A table with generated
columns is only read in the last way, as the scanner leaves such columns out.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from inventory_platform.duck import columns_of, identifier, literal, load_extension
from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Relation, Request, SourceTable

_HIDDEN = 1
"""What `table_xinfo` says of a hidden column; 2 and 3 are generated ones."""


class SqliteReader:
    """Reads one SQLite file, without ever writing to it."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the file read-only as `source`."""
        if not self.path.is_file():
            raise SourceError(
                f"SQLite database {self.path} does not exist.",
                "Correct the address in sources.toml; `inventory sandbox generate` makes the "
                "sandbox's database.",
            )
        load_extension(con, "sqlite_scanner")
        con.execute("set sqlite_all_varchar = false")
        try:
            con.execute(f"attach {literal(str(self.path))} as source (type sqlite, read_only)")
            con.execute(
                "from sqlite_query('source', 'select count(*) from sqlite_master')"
            ).fetchall()
        except duckdb.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> SourceError:
        text = str(error)
        if "locked" in text or "busy" in text:
            return SourceError(
                f"SQLite database {self.path} is locked by another program.",
                "Wait until it has finished writing and run the load again.",
                is_transient=True,
            )
        return SourceError(
            f"SQLite database {self.path} cannot be read: {text.splitlines()[0]}.",
            "Check that the file is a complete SQLite database and may be read.",
        )

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List tables with the keys and references the database declares."""
        del con
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            names = [
                name
                for (name,) in db.execute(
                    "select name from sqlite_master where type = 'table' "
                    "and name not like 'sqlite~_%' escape '~' order by name"
                )
            ]
            return [_describe(db, name) for name in names]

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield the typed relation, the text of every value, and its exact bytes."""
        table = request.table
        qualified = f"source.main.{identifier(table)}"
        try:
            declared = columns_of(con, qualified)
        except duckdb.CatalogException:
            raise SourceError(
                f"SQLite database {self.path} has no table {table!r}.",
                "Correct the table name in the contract.",
            ) from None
        has_row_id = self._has_row_id(table)
        names = self._columns(table)
        if len(names) > len(declared):
            yield self._exact(table, names, has_row_id)
            return
        # A column declared without a type arrives as BLOB: only its text tells what it is.
        if "BLOB" not in declared.values():
            position = ", rowid as _row_id" if has_row_id else ""
            yield Relation(
                sql=f"select *{position} from {qualified}",
                columns=declared,
                position="_row_id" if has_row_id else None,
                unchecked_text=True,
                is_unfaithful=lambda: self._has_unusual_instants(table, declared),
            )
        row_id = ", rowid as _row_id" if has_row_id else ""
        yield Relation(
            sql=f"select *{row_id} from {qualified}",
            columns=dict.fromkeys(declared, "VARCHAR"),
            position="try_cast(_row_id as bigint)" if has_row_id else None,
            setup=("set sqlite_all_varchar = true",),
            unchecked_text=True,
            suspect=True,
            plain_text=True,
        )
        yield self._exact(table, list(declared), has_row_id)

    def _exact(self, table: str, names: list[str], has_row_id: bool) -> Relation:
        # SQLite prints a real number with 15 digits, which is short but not always exact; it is
        # printed longer only where that is needed to get the same number back. Hexadecimal
        # carries bytes that are not UTF-8 unharmed to where the contract judges them.
        inner = ", ".join(
            f"case when {n} is null then null when typeof({n}) = 'real' "
            f"and cast(cast({n} as text) as real) <> {n} then hex(printf('%!.20g', {n})) "
            f"else hex({n}) end as {n}"
            for n in map(identifier, names)
        )
        row_id = "rowid as _row_id, " if has_row_id else ""
        query = f"select {row_id}{inner} from {identifier(table)}"
        outer = ", ".join(f"unhex({n}) as {n}" for n in map(identifier, names))
        kept = "_row_id, " if has_row_id else ""
        return Relation(
            sql=f"select {kept}{outer} from sqlite_query('source', {literal(query)})",
            columns=dict.fromkeys(names, "BLOB"),
            position="try_cast(_row_id as bigint)" if has_row_id else None,
            setup=("set sqlite_all_varchar = true",),
            suspect=True,
        )

    def _has_unusual_instants(self, table: str, declared: Mapping[str, str]) -> bool:
        # The typed relation drops UTC offsets and the time of a date, and takes numbers for
        # seconds since 1970. SQLite finds such values in a fraction of the scan's time.
        usual = {"DATE": "????-??-??", "TIMESTAMP": "????-??-?????:??:??"}
        unusual = " or ".join(
            f"{identifier(name)} not glob {literal(usual[kind])}"
            for name, kind in declared.items()
            if kind in usual
        )
        if not unusual:
            return False
        query = f"select exists (select 1 from {identifier(table)} where {unusual})"
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return bool(db.execute(query).fetchone()[0])

    def _columns(self, table: str) -> list[str]:
        """Every column of a table, also the generated ones."""
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return [name for _, name, *_ in _columns_of(db, table)]

    def _has_row_id(self, table: str) -> bool:
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            try:
                db.execute(f"select rowid from {identifier(table)} limit 0")
            except sqlite3.OperationalError:
                return False
            return True


def _describe(db: sqlite3.Connection, name: str) -> SourceTable:
    columns = _columns_of(db, name)
    key = [c[1] for c in sorted(columns, key=lambda c: c[5]) if c[5]]
    if not key:
        key = _unique_index(db, name)
    references = {
        row[3]: (row[2], row[4])
        for row in db.execute(f"pragma foreign_key_list({identifier(name)})")
        if row[4]
    }
    not_null = frozenset(c[1] for c in columns if c[3] or c[5])
    return SourceTable(name, key, references, not_null)


def _columns_of(db: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """What SQLite says of each column; those that virtual tables hide are none."""
    found = db.execute(f"pragma table_xinfo({identifier(table)})").fetchall()
    return [column for column in found if column[6] != _HIDDEN]


def _unique_index(db: sqlite3.Connection, name: str) -> list[str]:
    for _, index, unique, *_ in db.execute(f"pragma index_list({identifier(name)})").fetchall():
        if unique:
            found = db.execute(f"pragma index_info({identifier(index)})").fetchall()
            return [row[2] for row in found if row[2] and re.search(r"\w", row[2])]
    return []
