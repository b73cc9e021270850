"""People who were erased: how their rows are recognised without knowing them, and blanked.

    erasures/<erasure_id>.json     one record per erasure; keyed hashes, no personal data

A record names the columns that tell whose a row is, and keyed hashes of what was in them. A load
that brings such a row again keeps it with its personal columns blank, so that it is the row that
is known already. Finding what is to be erased, and proving that it is gone, is
`operations/erasure.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from inventory_platform.contracts.base import Column, TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import ContractError, SettingsError
from inventory_platform.landing.lake import Lake, commit_text
from inventory_platform.object_storage import StoragePath, files_below
from inventory_platform.record_format import RecordFormat
from inventory_platform.secret_values import find_key
from inventory_platform.settings import Settings

ERASED = "erased"
"""What stands in a personal column that may not be empty."""

ERASURES = "erasures"
"""Folder of the lake with the records of erasures."""

_BETWEEN = "\x1f"
_PARQUET = "format parquet, compression zstd"


@dataclass(frozen=True)
class Trace:
    """What tells whose a row is: columns of a table, and keyed hashes of their values.

    Attributes:
        relation: The table.
        columns: The columns, in the contract's words.
        fingerprints: Keyed hashes of the values they have in the person's rows.
    """

    relation: str
    columns: tuple[str, ...]
    fingerprints: frozenset[str]


@dataclass(frozen=True)
class Erasure:
    """The record of one erasure; holds no personal data.

    Attributes:
        erasure_id: Its id; sorts by time.
        requested_by: Who asked for it.
        traces: What tells whose a row is.
        values: Keyed hashes of personal texts that were this person's alone.
        begun_at: Instant it began, naive UTC, ISO 8601.
        proven_at: Instant of the scan that found nothing left; None until then.
        erased: Place → rows from which something was taken.
        files: Files that were written anew.
        scanned: Place → files in which nothing was found afterwards.
    """

    erasure_id: str
    requested_by: str
    traces: tuple[Trace, ...]
    values: frozenset[str]
    begun_at: str
    proven_at: str | None = None
    erased: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    scanned: Mapping[str, int] = field(default_factory=dict)


_RECORD = RecordFormat(Erasure, "record of an erasure")


def read_erasures(lake: Lake) -> list[Erasure]:
    """Every erasure, oldest first, also those that were cut off.

    Raises:
        InventoryError: A record is damaged, or of a later version of the platform.
    """
    return [
        read_erasure(path) for path in sorted(files_below(lake.root / ERASURES, "*.json"), key=str)
    ]


def read_erasure(path: StoragePath) -> Erasure:
    """The record of one erasure.

    Raises:
        InventoryError: It is damaged, or of a later version of the platform.
    """
    return _RECORD.read_file(path)


def keep_erasure(lake: Lake, erasure: Erasure) -> None:
    """Keep the record of an erasure, instead of what was kept of it before."""
    commit_text(lake.root / ERASURES / f"{erasure.erasure_id}.json", _RECORD.write(erasure))


class Fingerprints:
    """Keyed hashes of values: equal for equal values, telling nothing without the key.

    Raises:
        SettingsError: There is no key.
    """

    def __init__(self, settings: Settings) -> None:
        key = find_key(settings, "INVENTORY_ERASURE_KEY")
        if key is None:
            raise SettingsError(
                "People were erased or are to be, and INVENTORY_ERASURE_KEY is not set.",
                "Set it to a secret of at least 32 characters, always the same one: by it rows "
                "of erased people are recognised.",
            )
        self._key = key.encode()

    def of(self, text: str) -> str:
        """The keyed hash of a value; of an e-mail address however it is written."""
        text = text.strip()
        text = text.casefold() if "@" in text else text
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def register(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make them known to SQL as `fingerprint(text)`."""
        con.create_function("fingerprint", self.of, ["VARCHAR"], "VARCHAR")


def text_of(columns: Sequence[str]) -> str:
    """SQL of what is hashed of these columns; null where one of them is."""
    parts = (f"cast({identifier(name)} as varchar)" for name in columns)
    return f" || {literal(_BETWEEN)} || ".join(parts)


def is_theirs(traces: Iterable[Trace]) -> str:
    """SQL that says of a row whether it is one of the traces' person; they are of one table."""
    conditions = []
    for trace in traces:
        listed = ", ".join(literal(value) for value in sorted(trace.fingerprints))
        conditions.append(f"coalesce(fingerprint({text_of(trace.columns)}) in ({listed}), false)")
    return f"({' or '.join(conditions) or 'false'})"


def personal_columns(contract: TableContract) -> list[Column]:
    """The columns of a table that are blanked.

    Raises:
        ContractError: One of them tells rows apart, or cannot be blank.
    """
    found = [column for column in contract.columns if column.personal]
    for column in found:
        if column.name in contract.identity or not (column.nullable or column.is_text):
            raise ContractError(
                f"{contract.relation}: personal column {column.name!r} tells rows apart or cannot "
                "be blank, so nobody can be erased from this table.",
                "Give the table another key, or allow the column to be empty.",
            )
    return found


def blank(column: Column) -> str:
    """SQL of what is left in a personal column."""
    return "null" if column.nullable else literal(ERASED)


def blanked(columns: Iterable[Column], condition: str) -> str:
    """SQL of the columns, for `select * replace (…)`, blank where the condition holds."""
    return ", ".join(
        f"case when {condition} then {blank(c)} else {identifier(c.name)} end "
        f"as {identifier(c.name)}"
        for c in columns
    )


@dataclass(frozen=True)
class Suppression:
    """What of a table is kept blank.

    Attributes:
        contract: The table.
        fingerprints: How values are hashed.
        traces: Whose rows.
    """

    contract: TableContract
    fingerprints: Fingerprints
    traces: tuple[Trace, ...]

    @classmethod
    def of(cls, settings: Settings, lake: Lake, contract: TableContract) -> Suppression | None:
        """That of a table; None where nobody was erased.

        Raises:
            SettingsError: Somebody was, and there is no key to recognise them by.
        """
        erasures = read_erasures(lake)
        traces = [t for e in erasures for t in e.traces if t.relation == contract.relation]
        return cls(contract, Fingerprints(settings), tuple(traces)) if traces else None

    def of_rows(self, con: duckdb.DuckDBPyConnection, file: Path) -> Path:
        """The accepted rows of a load, those of erased people blank."""
        self.fingerprints.register(con)
        theirs = is_theirs(self.traces)
        rows = parquet(file)
        if not con.execute(f"select 1 from {rows} where {theirs} limit 1").fetchall():
            return file
        kept = file.with_name("suppressed.parquet")
        con.execute(
            f"copy (select * replace ({blanked(personal_columns(self.contract), theirs)}) "
            f"from {rows}) to {literal(str(kept))} ({_PARQUET})"
        )
        return kept

    def of_payload(self, payload: str) -> str:
        """A rejected row as it came, without what is personal if it is an erased person's.

        Of their rows, the fields that the contract does not know are left out as well.
        """
        try:
            row = json.loads(payload)
        except ValueError:
            return payload
        if not isinstance(row, dict) or not any(self._is_theirs(row, t) for t in self.traces):
            return payload
        known = {c.source for c in self.contract.columns if not c.personal}
        return json.dumps({name: value for name, value in row.items() if name in known})

    def _is_theirs(self, row: Mapping[str, Any], trace: Trace) -> bool:
        values = [row.get(self.contract.by_name[name].source) for name in trace.columns]
        if any(value is None for value in values):
            return False
        return self.fingerprints.of(_BETWEEN.join(map(str, values))) in trace.fingerprints

    def of_rejects(self, con: duckdb.DuckDBPyConnection, file: Path) -> Path:
        """The rejected rows of a load, those of erased people without what is personal."""
        con.create_function("without_personal", self.of_payload, ["VARCHAR"], "VARCHAR")
        kept = file.with_name("suppressed_rejects.parquet")
        con.execute(
            "copy (select * replace (without_personal(payload) as payload) from "
            f"{parquet(file)}) to {literal(str(kept))} ({_PARQUET})"
        )
        return kept
