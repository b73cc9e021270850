"""How the history is kept: one Parquet file a table and day, replaced by one rename.

Rows of a day can be put again; those with the same values in the table's identity are replaced.
A file that cannot be read is put aside and told, and the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import polars as pl

from inventory_platform.duck import identifier, parquet
from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import place
from inventory_platform.landing.views import empty_select
from inventory_platform.operations.history.tables import KEPT

T = TypeVar("T")

log = logging.getLogger(__name__)

_POLARS: Mapping[str, Any] = {
    "VARCHAR": pl.String,
    "BIGINT": pl.Int64,
    "DOUBLE": pl.Float64,
    "BOOLEAN": pl.Boolean,
    "TIMESTAMP": pl.Datetime("us"),
}


@dataclass(frozen=True)
class Store:
    """The kept tables below a folder."""

    root: Path

    def put(
        self,
        table: str,
        day: date,
        rows: Iterable[Mapping[str, Any]],
        *,
        replacing: tuple[str, Collection[Any]],
    ) -> None:
        """Add rows to a day, in place of those that have one of these values in a column.

        Raises:
            InventoryError: The file cannot be written; the one before stays.
        """
        schema = {name: _POLARS[kind] for name, kind in KEPT[table].items()}
        frame = pl.DataFrame(list(rows), schema=schema, orient="row")
        path = self._file(table, day)
        column, values = replacing
        before = self._read(path, schema)
        if before is not None:
            others = before.filter(~pl.col(column).is_in(list(values)))
            frame = pl.concat([others, frame], how="vertical")
        staged = path.with_name(f".{path.name}.tmp")
        try:
            staged.parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(staged, compression="zstd")
            place(staged, path)
        except OSError as error:
            raise InventoryError(
                f"The history of operations cannot be written to {path}: {error.strerror}.",
                "Free disk space or make the folder writable; it is completed the next time.",
            ) from error

    def load(self, con: duckdb.DuckDBPyConnection, table: str) -> None:
        """Make a table of the same name in schema `ops` of a connection, in place of one there."""
        files = self._files(table)
        try:
            _create(con, table, files)
        except duckdb.Error:
            _create(con, table, [path for path in files if _is_readable(con, path)])

    def forget_before(self, day: date) -> None:
        """Remove the files of earlier days."""
        for table in KEPT:
            for path in self._files(table):
                if path.stem < day.isoformat():
                    path.unlink()

    def days(self, table: str) -> list[date]:
        """The days a table has rows of, oldest first."""
        return [date.fromisoformat(path.stem) for path in self._files(table)]

    def _file(self, table: str, day: date) -> Path:
        return self.root / table / f"{day.isoformat()}.parquet"

    def _files(self, table: str) -> list[Path]:
        return sorted((self.root / table).glob("????-??-??.parquet"))

    def _read(self, path: Path, schema: Mapping[str, Any]) -> pl.DataFrame | None:
        if not path.exists():
            return None
        try:
            found = pl.read_parquet(path, hive_partitioning=False)
        except pl.exceptions.PolarsError:
            _put_aside(path)
            return None
        # A column that was added since is empty in older rows.
        missing = [pl.lit(None, kind).alias(n) for n, kind in schema.items() if n not in found]
        return found.with_columns(missing).select(list(schema)).cast(pl.Schema(schema))


def _create(con: duckdb.DuckDBPyConnection, table: str, files: Sequence[Path]) -> None:
    select = empty_select(KEPT[table])
    if files:
        names = ", ".join(identifier(name) for name in KEPT[table])
        # The empty relation in front gives a file the columns that were added after it.
        select = (
            f"select {names} from ({select} union all by name from {parquet(*files, by_name=True)})"
        )
    con.execute(f"create or replace table ops.{identifier(table)} as {select}")


def _is_readable(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        con.execute(f"select count(*) from (from {parquet(path)})")
    except duckdb.Error:
        _put_aside(path)
        return False
    return True


def _put_aside(path: Path) -> None:
    aside = path.with_suffix(".damaged")
    log.warning("%s cannot be read; it is put aside as %s.", path, aside.name)
    path.replace(aside)


def by_day(rows: Iterable[tuple[date, T]]) -> Iterator[tuple[date, list[T]]]:
    """Rows grouped by their day, oldest day first."""
    grouped: dict[date, list[T]] = {}
    for day, row in rows:
        grouped.setdefault(day, []).append(row)
    yield from sorted(grouped.items())
