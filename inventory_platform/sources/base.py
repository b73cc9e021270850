"""What a reader offers: tables, and each table as SQL relations in a DuckDB connection.

Sources that are fetched over a network in documents (`Fetcher`) and sources that push
messages are read in the same way once their documents are at hand; how documents become
rows is `documents.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import duckdb


@dataclass(frozen=True)
class Request:
    """What a load asks a reader for.

    Attributes:
        table: Name of the table in the source.
        columns: Names of the columns in the source, for sources whose rows have to be taken
            apart; every column there is when empty.
        elsewhere: Names a row may have besides, that are no news: another table takes them.
        is_whole: Whether the load compares with everything known, so that all rows must come.
        newer_than: A column of the source, and a bound as text. Rows before the bound may be
            left out by a reader that can; those at or after it, and those without a readable
            value, must come. The loader looks again, unless the reader chose by what it never
            took in before.
        resume: What the last committed relation said in `Relation.resume`.
        inputs: What earlier loads of the table took in or refused; see `Input.is_among`.
    """

    table: str
    columns: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    is_whole: bool = True
    newer_than: tuple[str, str] | None = None
    resume: str | None = None
    inputs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Input:
    """One thing a load took in whole, such as a file.

    Attributes:
        name: What it is called in the source.
        fingerprint: Tells its content from any other; the same content is taken in once.
        size: Bytes.
        problem: Why nothing of it was taken in, as a sentence; None when it was.
        declared: Tells how it is declared to be written from any other declaration.
    """

    name: str
    fingerprint: str
    size: int
    problem: str | None = None
    declared: str = ""

    def is_among(self, known: Collection[str]) -> bool:
        """Whether earlier loads took it in, or refused it as it is declared now."""
        return self.fingerprint in known or refusal(self.fingerprint, self.declared) in known


def refusal(fingerprint: str, declared: str | None) -> str:
    """How a thing that was refused is told: declared otherwise it may be taken in."""
    return f"{fingerprint} as {declared}"


@dataclass(frozen=True)
class Malformed:
    """Rows that could not be split into columns, in SQL over a relation.

    Attributes:
        complaint: What is wrong with the row; null for the others.
        text: The row's raw text.
        code: Reason code of such a row, in SQL too: `malformed_row`, or `rejected_file` for a
            row that stands for a whole file.
    """

    complaint: str
    text: str
    code: str = "'malformed_row'"


@dataclass(frozen=True)
class Relation:
    """The rows of one source table as SQL.

    Attributes:
        sql: A SELECT that yields the source's columns, named as in the source.
        columns: Column name → DuckDB type, as the SELECT yields them.
        position: SQL expression over the SELECT's rows that says where a row stands in its
            origin (row id, line), or None where only a slower relation knows.
        origin: SQL expression of the file, page or partition a row came from, where a source
            has several.
        sequence: SQL expression that grows with the origins: of two rows with the same key the
            one from the later origin is the newer.
        setup: Statements to run on the connection before the SELECT.
        plain_text: Whether every value went through text, so that floating-point numbers
            have lost digits and bytes cannot be told from text.
        malformed: How rows that could not be split into columns are told.
        unchecked_text: Whether text may hold bytes that are not UTF-8.
        suspect: Whether rows are likely to be refused, as something was wrong before.
        clean_only: Whether another relation follows that should be read instead as soon as
            one row is refused.
        is_unfaithful: To be asked after the rows were read: whether the relation changed a
            value without a word, so that only the next one can be trusted.
        resume: Where the next load goes on; kept with this load.
        inputs: What the rows were taken from, and what was refused as a whole.
        acknowledge: To be called after the load was committed.
        apart: More rows of the same table, whose columns are others: each is judged by its own,
            as if it came alone. They agree with this one in everything but SQL and columns.
    """

    sql: str
    columns: Mapping[str, str]
    position: str | None = None
    origin: str | None = None
    sequence: str | None = None
    setup: Sequence[str] = ()
    plain_text: bool = False
    malformed: Malformed | None = None
    unchecked_text: bool = False
    suspect: bool = False
    clean_only: bool = False
    is_unfaithful: Callable[[], bool] | None = None
    resume: str | None = None
    inputs: Sequence[Input] = ()
    acknowledge: Callable[[], None] | None = None
    apart: Sequence[Relation] = ()

    @property
    def is_chosen(self) -> bool:
        """Whether the reader itself chose what is new, however old the rows in it are."""
        return self.resume is not None or bool(self.inputs)


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

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield ways to read a table, the fastest first, the most faithful last.

        The next one is asked for when reading with the one before raised a type mismatch or
        was not faithful, or when positions are needed and it had none.

        Raises:
            SourceError: The source has no such table or it cannot be read.
        """


@dataclass(frozen=True)
class Page:
    """One document as a source answered it.

    Attributes:
        stream: What it belongs to; tables name it in their contracts.
        request: What was asked for, without secrets.
        body: The document as it came, as text.
    """

    stream: str
    request: str
    body: str


@dataclass(frozen=True)
class Checkpoint:
    """A point in a fetch up to which pages may be kept; what comes later may still be lost.

    `resume` is handed to the next fetch. A document that only makes sense whole, such as a
    list of everything, gets one checkpoint, at its end.
    """

    resume: str


FetchItem: TypeAlias = Page | Checkpoint


@dataclass(frozen=True)
class Fetch:
    """Pages a source answers together, such as the orders found and their details.

    Attributes:
        streams: The streams its pages belong to.
        description: What it brings, for the asset graph.
    """

    streams: Sequence[str]
    description: str


class Fetcher(Protocol):
    """Gets documents from a source that answers requests, such as an HTTP API."""

    def fetches(self) -> Mapping[str, Fetch]:
        """What can be fetched, by name."""

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        """Ask for everything that is new since a checkpoint, or for everything.

        Raises:
            SourceError: The source does not answer, or not with what was asked for.
        """
