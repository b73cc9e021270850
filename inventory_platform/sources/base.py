"""What a reader offers: tables, and each table as SQL relations in a DuckDB connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import duckdb


@dataclass(frozen=True)
class Relation:
    """The rows of one source table as SQL.

    Attributes:
        sql: A SELECT that yields the source's columns, named as in the source.
        columns: Column name → DuckDB type, as the SELECT yields them.
        position: SQL expression over the SELECT's rows that says where a row stands in the
            source (row id, line), or None where only a slower relation knows.
        setup: Statements to run on the connection before the SELECT.
        plain_text: Whether every value went through text, so that floating-point numbers
            have lost digits and bytes cannot be told from text.
        malformed: SQL of what is wrong with a row that could not be split into columns (null
            for the others), and SQL of its raw text.
        unchecked_text: Whether text may hold bytes that are not UTF-8.
        suspect: Whether rows are likely to be refused, as something was wrong before.
        clean_only: Whether another relation follows that should be read instead as soon as
            one row is refused.
        filters: Whether the source itself leaves out rows by a condition on a column, so that
            asking twice for parts costs no more than asking once for all.
        is_unfaithful: To be asked after the rows were read: whether the relation changed a
            value without a word, so that only the next one can be trusted.
    """

    sql: str
    columns: Mapping[str, str]
    position: str | None = None
    setup: Sequence[str] = ()
    plain_text: bool = False
    malformed: tuple[str, str] | None = None
    unchecked_text: bool = False
    suspect: bool = False
    clean_only: bool = False
    filters: bool = False
    is_unfaithful: Callable[[], bool] | None = None


@dataclass(frozen=True)
class SourceTable:
    """A table as a source describes it, for writing a first contract."""

    name: str
    key: Sequence[str] = ()
    references: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    not_null: frozenset[str] = frozenset()


class Reader(Protocol):
    """Reads one source system over a DuckDB connection."""

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the source readable.

        Raises:
            SourceError: The source cannot be reached; says what, where and what to do.
        """

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List the tables the source offers."""

    def relations(self, con: duckdb.DuckDBPyConnection, table: str) -> Iterator[Relation]:
        """Yield ways to read a table, the fastest first, the most faithful last.

        The next one is asked for when reading with the one before raised a type mismatch or
        was not faithful, or when positions are needed and it had none.

        Raises:
            SourceError: The source has no such table or it cannot be read.
        """


def columns_of(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Column names and DuckDB types a SELECT yields, without reading rows."""
    return {name: str(kind) for name, kind, *_ in con.execute(f"describe {sql}").fetchall()}
