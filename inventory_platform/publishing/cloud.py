"""Published marts as tables of a cloud warehouse: what all of them have in common.

Each mart is a view over one of two tables, `<mart>__a` and `<mart>__b`. A mart whose rows changed
is loaded by the system's own loader into the table the view does not show, counts and sums are
compared, and then the view is replaced, which readers see at once. So nothing is left over by a
publication that was killed, and readers of the version before keep it until the next. Views are
replaced one after another when all marts are loaded. Which table a view is about to show is
remembered before and confirmed after, so the next publication never writes to the one it shows.

What a system's SQL and loader look like is a module for each: `cloud_snowflake.py` and so on.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from inventory_platform import duck
from inventory_platform.duck import identifier, literal
from inventory_platform.errors import DestinationUnavailableError, PublishError, SettingsError
from inventory_platform.object_storage import StoragePath, on_this_machine
from inventory_platform.publishing.base import Report, Sent, Tell, tell_nobody
from inventory_platform.publishing.contents import Contents, is_same_sum, read_contents
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import Publication
from inventory_platform.settings import Settings

REMEMBERED = "inventory_publications"
"""Table of what the platform remembers there about what it published."""
_NUMBERS = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("FLOAT", "DOUBLE", "DECIMAL"),
}


class Dialect(ABC):
    """How one system is spoken to; what is here holds for most of them.

    Attributes:
        kind: Its name on the asset graph.
        where: Where it is, without secrets.
        real: Its type for floating point.
        length: Its function for the number of characters; empty if texts are only counted.
        text: Its type for text.
    """

    kind: str
    where: str
    real: str
    length: str
    text: str

    @abstractmethod
    def connect(self) -> Any:
        """A connection as Python's DB-API has it; statements commit by themselves."""

    @abstractmethod
    def failures(self) -> tuple[tuple[type[BaseException], ...], tuple[type[BaseException], ...]]:
        """Errors that may pass, and all errors of the driver."""

    @abstractmethod
    def column_type(self, kind: str) -> str | None:
        """The type that holds every value of a DuckDB type, None if none does."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """A name of a column."""

    @abstractmethod
    def relation(self, name: str) -> str:
        """A table or view of the schema."""

    @abstractmethod
    def load(self, connection: Any, table: str, columns: Mapping[str, str], file: Path) -> None:
        """Bring a file to the system and load it by its own loader into an empty table."""

    def create(self, table: str, columns: Mapping[str, str]) -> list[str]:
        """Statements that make an empty table in place of what has its name."""
        return [f"create or replace table {self.relation(table)} ({self.listed(columns)})"]

    def create_missing(self, table: str, columns: Mapping[str, str]) -> str:
        """The statement that makes a table where there is none."""
        return f"create table if not exists {self.relation(table)} ({self.listed(columns)})"

    def show(self, view: str, table: str) -> str:
        """The statement that makes a view show a table, at once for readers."""
        select = f"select * from {self.relation(table)}"
        return f"create or replace view {self.relation(view)} as {select}"

    def listed(self, columns: Mapping[str, str]) -> str:
        """Columns with their types."""
        return ", ".join(f"{self.quote(c)} {t}" for c, t in columns.items())


def driver(module: str, extra: str) -> Any:
    """The driver of a system, which is not installed by default.

    Raises:
        SettingsError: It is not installed; names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SettingsError(
            f"Publishing to {extra} needs the package of {module}, which is not installed.",
            f"pip install inventory-platform[{extra}]",
        ) from error


def decimal_of(kind: str) -> tuple[int, int]:
    """Precision and scale of a DuckDB decimal."""
    precision, scale = kind.partition("(")[2].rstrip(")").split(",")
    return int(precision), int(scale)


class CloudDestination:
    """Publishes marts to one schema of a cloud warehouse.

    Args:
        settings: Limits of the engine that looks at the files here.
        name: Name of the entry in `destinations.toml`.
        dialect: The system.
        marts: The marts to publish; None for all.
        everything: Whether marts are written anew that have not changed.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        dialect: Dialect,
        *,
        marts: Sequence[str] | None = None,
        everything: bool = False,
    ) -> None:
        self.name = name
        self.kind = dialect.kind
        self.where = dialect.where
        self.marts = marts
        self._settings = settings
        self._dialect = dialect
        self._everything = everything

    def publish(
        self,
        folder: StoragePath,
        publication: Publication,
        marts: Sequence[Mart],
        tell: Tell = tell_nobody,
    ) -> Report:
        """Make readers of the views see a published version, each mart at once.

        Raises:
            DestinationUnavailableError: The system cannot be reached, or is busy.
            PublishError: It refuses something, a type has no counterpart, or what arrived is not
                what was sent.
        """
        with (
            self._failures(),
            closing(self._dialect.connect()) as connection,
            duck.connect(self._settings) as con,
        ):
            known = self._remembered(connection)
            sent, fresh = [], {}
            for mart in marts:
                contents = read_contents(con, folder / f"{mart.name}.parquet")
                fingerprint, table = known.get(mart.name, ("", ""))
                if table and not fingerprint:
                    # A publication was cut about here: the table is whole, the view may lag behind.
                    run(connection, self._dialect.show(mart.name, table))
                is_new = self._everything or fingerprint != contents.fingerprint
                if is_new or self._differences(con, connection, table, contents):
                    fresh[mart.name] = contents
                    self._write(con, connection, _other(mart.name, table), contents)
                    tell(f"{mart.name}: {contents.rows:,} rows loaded and compared.")
                rows = contents.rows if mart.name in fresh else 0
                sent.append(Sent(mart.name, contents.rows, rows, 1, int(mart.name in fresh)))
            for name, contents in fresh.items():
                table = _other(name, known.get(name, ("", ""))[1])
                version = publication.version
                self._remember(connection, name, version, "", table, is_known=name in known)
                run(connection, self._dialect.show(name, table))
                self._remember(
                    connection, name, version, contents.fingerprint, table, is_known=True
                )
        return Report(
            version=publication.version,
            sent=sent,
            left_over=sorted(known.keys() - {mart.name for mart in marts}),
        )

    def _remembered(self, connection: Any) -> dict[str, tuple[str, str]]:
        """Mart → fingerprint and table of what its view shows; no fingerprint where it may not."""
        columns = dict.fromkeys(
            ("mart", "version", "fingerprint", "table_name"), self._dialect.text
        )
        run(connection, self._dialect.create_missing(REMEMBERED, columns))
        found = _ask(
            connection,
            f"select mart, fingerprint, table_name from {self._dialect.relation(REMEMBERED)}",
        )
        return {str(mart): (str(fingerprint), str(table)) for mart, fingerprint, table in found}

    def _remember(
        self,
        connection: Any,
        mart: str,
        version: str,
        fingerprint: str,
        table: str,
        *,
        is_known: bool,
    ) -> None:
        # One statement: at no time is a mart unknown whose view shows a table.
        relation = self._dialect.relation(REMEMBERED)
        if is_known:
            run(
                connection,
                f"update {relation} set version = {literal(version)}, "
                f"fingerprint = {literal(fingerprint)}, table_name = {literal(table)} "
                f"where mart = {literal(mart)}",
            )
        else:
            values = ", ".join(map(literal, (mart, version, fingerprint, table)))
            run(connection, f"insert into {relation} values ({values})")

    def _write(
        self, con: duckdb.DuckDBPyConnection, connection: Any, table: str, contents: Contents
    ) -> None:
        columns = {}
        for column, kind in contents.columns.items():
            there = self._dialect.column_type(kind)
            if there is None:
                raise PublishError(
                    f"{self.name}: column {column} of {contents.file.stem} is {kind}, which "
                    f"{self.kind} has no type for.",
                    "Cast the column in the model, or leave the mart out.",
                )
            columns[column] = there
        for statement in self._dialect.create(table, columns):
            run(connection, statement)
        with on_this_machine(contents.file, self._settings.temp_dir) as file:
            self._dialect.load(connection, table, columns, file)
        if found := self._differences(con, connection, table, contents):
            raise PublishError(
                f"{self.name}: {table} at {self.where} does not hold what was published: "
                f"{'; '.join(found[:5])}.",
                "Readers keep the version before. Publish again.",
            )

    def _differences(
        self, con: duckdb.DuckDBPyConnection, connection: Any, table: str, contents: Contents
    ) -> list[str]:
        """What does not agree there and here, in words; nothing if all does."""
        names, here, scales, there = ["rows"], ["count(*)"], ["count(*)"], ["count(*)"]
        for column, kind in contents.columns.items():
            ours, theirs = identifier(column), self._dialect.quote(column)
            names.append(f"values of {column}")
            here.append(f"count({ours})")
            scales.append(f"count({ours})")
            there.append(f"count({theirs})")
            base = kind.partition("(")[0]
            if base in _NUMBERS:
                names.append(f"sum of {column}")
                here.append(f"sum(cast({ours} as double))")
                scales.append(f"sum(abs(cast({ours} as double)))")
                there.append(f"sum(cast({theirs} as {self._dialect.real}))")
            elif base == "VARCHAR" and self._dialect.length:
                names.append(f"characters of {column}")
                here.append(f"sum(length({ours}))")
                scales.append(f"sum(length({ours}))")
                there.append(f"sum({self._dialect.length}({theirs}))")
        mine = con.execute(
            f"select {', '.join([*here, *scales])} from {contents.relation}"
        ).fetchall()[0]
        (answer,) = _ask(
            connection, f"select {', '.join(there)} from {self._dialect.relation(table)}"
        )
        return [
            f"{what}: {other} instead of {own}"
            for what, own, scale, other in zip(
                names, mine[: len(here)], mine[len(here) :], answer, strict=True
            )
            if not is_same_sum(_number(own), _number(other), _number(scale) or 0.0)
        ]

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What the driver fails with, in the platform's words."""
        passing, every = self._dialect.failures()
        try:
            yield
        except every as error:
            text = " ".join(str(error).split())[:300]
            if isinstance(error, passing):
                raise DestinationUnavailableError(
                    f"{self.name}: {self.where} cannot be reached: {text}.",
                    "Readers keep what they have. It is tried again.",
                ) from None
            raise PublishError(
                f"{self.name}: {self.where} refuses: {text}.",
                "Check the address, the user's rights and the place files are staged at.",
            ) from None


def _other(mart: str, table: str) -> str:
    """The table of a mart that its view does not show."""
    return f"{mart}__b" if table == f"{mart}__a" else f"{mart}__a"


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def run(connection: Any, statement: str) -> None:
    """Execute a statement over a connection of the DB-API."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)


def _ask(connection: Any, statement: str) -> list[tuple[Any, ...]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()]
