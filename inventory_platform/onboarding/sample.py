"""The rows a guess is based on: a table of the source as text, in the engine.

A sample keeps one text column per source column, named `c0`, `c1`, …, read by the most
faithful relation the reader has, and counts what has no text. What its values mean is judged
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from inventory_platform.duck import identifier, literal
from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Reader, Relation, Request, SourceTable

DECLARING = {"postgres", "mysql", "sqlserver", "oracle"}
"""Kinds of source that declare of every column its type and whether it may be empty, and keep to
it."""

SAMPLE_ROWS = 200_000


@dataclass(frozen=True)
class SampledColumn:
    """One column of a sample.

    Attributes:
        source: Its name in the source.
        handle: Its name in the sample.
        kind: DuckDB type the reader gives it.
        is_typed: Whether that type was declared and can be trusted; otherwise the values
            decide.
        filled: Rows with a value that is text.
        bytes_only: Rows with a value that is not UTF-8 text.
    """

    source: str
    handle: str
    kind: str
    is_typed: bool
    filled: int = 0
    bytes_only: int = 0


@dataclass(frozen=True)
class Sample:
    """The first rows of one table, as a temporary table of text columns.

    `malformed` counts the lines that could not be split into columns.
    """

    table: SourceTable
    relation: str
    columns: tuple[SampledColumn, ...]
    rows: int
    malformed: int

    @property
    def is_whole(self) -> bool:
        """Whether it holds every row of the table."""
        return self.rows < SAMPLE_ROWS

    def distinct(self, con: duckdb.DuckDBPyConnection, handles: Sequence[str]) -> int:
        """How many different combinations these columns hold."""
        return _number(
            con, f"select count(*) from (select distinct {', '.join(handles)} from {self.relation})"
        )


def take_sample(
    con: duckdb.DuckDBPyConnection,
    reader: Reader,
    table: SourceTable,
    number: int,
    *,
    kind: str,
    secrets: frozenset[str],
) -> Sample:
    """Read the first rows of a table.

    Args:
        con: The connection the reader is attached to.
        reader: The source's reader.
        table: The table.
        number: A number no other sample of the connection has.
        kind: What kind of system the source is, as `Source.kind` says.
        secrets: Texts that must not appear in an error message.

    Raises:
        SourceError: The table cannot be read.
    """
    # A sample is the first rows, so their order matters here.
    con.execute("set preserve_insertion_order = true")
    is_typed = kind in DECLARING or table.name.lower().endswith(".parquet")
    failure: duckdb.Error | None = None
    try:
        for relation in _faithful(reader.relations(con, Request(table.name)), kind):
            try:
                return _copy(con, relation, table, number, is_typed)
            except duckdb.Error as error:
                failure = error
    except duckdb.Error as error:
        failure = error
    text = str(failure).splitlines()[0]
    for secret in secrets:
        text = text.replace(secret, "***")
    raise SourceError(
        f"Table {table.name!r} cannot be read: {text}.", "Correct it in the source."
    ) from failure


def _faithful(relations: Iterator[Relation], kind: str) -> Iterator[Relation]:
    """The relations that show values as they are kept, the cheapest first."""
    if kind == "sqlite":
        *_, exact = relations
        yield exact
    else:
        yield from relations


def _copy(
    con: duckdb.DuckDBPyConnection,
    relation: Relation,
    table: SourceTable,
    number: int,
    is_typed: bool,
) -> Sample:
    for statement in relation.setup:
        con.execute(statement)
    numbers = _declared_numbers(con, table) if is_typed else frozenset()
    columns = [
        # A number that arrives as text is one the server declares without a precision.
        SampledColumn(name, f"c{i}", kind, is_typed and not (kind == "VARCHAR" and name in numbers))
        for i, (name, kind) in enumerate(relation.columns.items())
    ]
    selected = []
    for column in columns:
        raw, handle = identifier(column.source), column.handle
        text = f"try(decode({raw}))" if column.kind == "BLOB" else f"cast({raw} as varchar)"
        bytes_only = f"{raw} is not null and {text} is null" if column.kind == "BLOB" else "false"
        selected += [f"{text} as {handle}", f"{bytes_only} as {handle}_bytes"]
    name = f"sample_{number}"
    malformed, intact = 0, ""
    if relation.malformed:
        complaint = relation.malformed.complaint
        intact = f" where {complaint} is null"
        malformed = _number(
            con, f"select count(*) from ({relation.sql}) where {complaint} is not null"
        )
    con.execute(
        f"create or replace temp table {name} as select {', '.join(selected)} "
        f"from ({relation.sql}){intact} limit {SAMPLE_ROWS}"
    )
    counted = ", ".join(f"count({c.handle}), count_if({c.handle}_bytes)" for c in columns)
    rows, *counts = con.execute(f"select count(*), {counted} from {name}").fetchall()[0]
    return Sample(
        table=table,
        relation=name,
        columns=tuple(
            SampledColumn(c.source, c.handle, c.kind, c.is_typed, filled, bytes_only)
            for c, filled, bytes_only in zip(columns, counts[::2], counts[1::2], strict=True)
        ),
        rows=rows,
        malformed=malformed,
    )


def _declared_numbers(con: duckdb.DuckDBPyConnection, table: SourceTable) -> frozenset[str]:
    """Columns that the server declares as numbers with a fraction."""
    schema, dot, name = table.name.partition(".")
    inside = f"schema_name = {literal(schema)} and table_name = {literal(name)}"
    where = inside if dot else f"table_name = {literal(table.name)}"
    found = con.execute(
        "select column_name from duckdb_columns() where database_name = 'source' and "
        f"{where} and (data_type like 'DECIMAL%' or data_type in ('DOUBLE', 'FLOAT'))"
    ).fetchall()
    return frozenset(name for (name,) in found)


def _number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
