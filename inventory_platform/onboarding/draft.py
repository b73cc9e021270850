"""A source as it was found: every table with its columns, key, references and open questions.

Brings together what the sibling modules judge; writing it down is `write.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from inventory_platform.contracts.base import Column, snake_case
from inventory_platform.errors import SourceError
from inventory_platform.onboarding.dates import find_dates, guess_dates
from inventory_platform.onboarding.keys import (
    Table,
    find_cursor,
    find_key,
    find_references,
    is_personal,
)
from inventory_platform.onboarding.names import class_names, column_names
from inventory_platform.onboarding.sample import DECLARING, Sample, SampledColumn, take_sample
from inventory_platform.onboarding.types import (
    CANDIDATES,
    Judged,
    count_values,
    gather_values,
    judge,
    judge_bytes,
    judge_declared,
)
from inventory_platform.sources.base import Reader, SourceTable


@dataclass(frozen=True)
class DraftTable:
    """One table of a draft.

    Attributes:
        class_name: Name of its contract.
        table: Its columns, key, cursor and references; `notes` are about the whole table.
        column_notes: What to review, by column.
    """

    class_name: str
    table: Table
    column_notes: Mapping[str, Sequence[str]]


def draft_tables(
    con: duckdb.DuckDBPyConnection,
    reader: Reader,
    tables: Sequence[SourceTable],
    kind: str,
    secrets: frozenset[str],
) -> list[DraftTable]:
    """Look at every table of a source.

    Raises:
        SourceError: A table cannot be read, or has no columns.
    """
    classes = class_names(table.name for table in tables)
    drafts = []
    for number, table in enumerate(tables):
        sample = take_sample(con, reader, table, number, kind=kind, secrets=secrets)
        if not sample.columns:
            raise SourceError(f"Table {table.name!r} has no columns.", "Drop it, or give it some.")
        drafts.append(_draft(con, sample, classes[table.name], is_strict=kind in DECLARING))
    found = [draft.table for draft in drafts]
    for one in found:
        find_key(con, one, [other.name for other in found if other is not one])
        find_cursor(one)
        for name in [*one.key, *([one.cursor] if one.cursor else [])]:
            one.columns[name] = replace(one.columns[name], nullable=False)
    find_references(con, found)
    return drafts


def _draft(
    con: duckdb.DuckDBPyConnection, sample: Sample, class_name: str, *, is_strict: bool
) -> DraftTable:
    name = snake_case(class_name)
    names = column_names(column.source for column in sample.columns)
    judged = _judge(con, sample, names)
    columns: dict[str, Column] = {}
    notes: dict[str, list[str]] = {}
    for sampled in sample.columns:
        here, found = names[sampled.source], judged[sampled.source]
        personal = is_personal(name, here)
        notes[here] = _column_notes(found, personal)
        may_be_empty = (
            sampled.source not in sample.table.not_null if is_strict else sample.rows == 0
        )
        columns[here] = replace(
            found.column,
            name=here,
            source=sampled.source,
            nullable=found.empty > 0 or may_be_empty,
            personal=personal,
            description=f"{here.rstrip('_').replace('_', ' ').capitalize()}.",
        )
    handles = {names[c.source]: c.handle for c in sample.columns}
    table = Table(name, sample, columns, handles, notes=_table_notes(sample))
    return DraftTable(class_name, table, notes)


def _judge(
    con: duckdb.DuckDBPyConnection, sample: Sample, names: Mapping[str, str]
) -> dict[str, Judged]:
    judged = {c.source: judge_declared(c, sample) for c in sample.columns if c.is_typed}
    judged |= {
        c.source: judge_bytes(c, sample)
        for c in sample.columns
        if c.source not in judged and c.bytes_only
    }
    open_columns = [c for c in sample.columns if c.source not in judged]
    if open_columns:
        judged |= _judge_values(con, sample, names, open_columns)
    return judged


def _judge_values(
    con: duckdb.DuckDBPyConnection,
    sample: Sample,
    names: Mapping[str, str],
    columns: Sequence[SampledColumn],
) -> dict[str, Judged]:
    values = gather_values(con, sample, columns)
    counted = count_values(con, values, CANDIDATES)
    dates = guess_dates(find_dates(con, values))
    comma_is_proven = any(v.has_comma for v in counted.values())
    judged = {}
    for column in columns:
        candidates, found = list(CANDIDATES), counted.get(column.handle)
        guess = dates.get(column.handle)
        if guess and found:
            tried = count_values(con, values, guess.candidates, column.handle)[column.handle]
            candidates += guess.candidates
            found = replace(
                found,
                fits=[*found.fits, *tried.fits],
                changes=[*found.changes, *tried.changes],
            )
        result = judge(
            con,
            values,
            column,
            names[column.source],
            sample,
            found,
            candidates,
            comma_is_proven=comma_is_proven,
        )
        if guess and result.column.formats:
            result = replace(result, notes=(*guess.notes, *result.notes))
        judged[column.source] = result
    con.execute(f"drop table {values}")
    return judged


def _column_notes(found: Judged, personal: bool) -> list[str]:
    if not personal:
        return list(found.notes)
    # What follows a colon in a note may be a value, and here values are not shown.
    shown = [note.partition(": '")[0] for note in found.notes]
    return [*shown, "personal data, by its name"]


def _table_notes(sample: Sample) -> list[str]:
    notes = []
    if sample.malformed:
        notes.append(f"{sample.malformed} lines cannot be split into columns, to be quarantined")
    if not sample.is_whole:
        notes.append(f"judged by its first {sample.rows:,} rows only")
    if sample.rows and any(c.source.strip().lstrip("-").isdigit() for c in sample.columns):
        notes.append("a column is named by a number: perhaps the file has no header")
    return notes
