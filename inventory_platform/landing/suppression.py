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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from inventory_platform.contracts.base import Column, TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import ContractError, SettingsError
from inventory_platform.landing.compiler import known_in_text
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
_NO_LINE = json.dumps({"line": "not kept, as people were erased from this table"})
_FUNCTIONS = "select 1 from duckdb_functions()"
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
        if con.execute(f"{_FUNCTIONS} where function_name = 'fingerprint'").fetchall():
            return
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

    def of_rejects(self, con: duckdb.DuckDBPyConnection, file: Path) -> Path:
        """The rejected rows of a load, those of erased people without what is personal."""
        left = self.left_of_payloads(con, parquet(file))
        con.create_function("left_of_payload", left, ["VARCHAR"], "VARCHAR")
        kept = file.with_name("suppressed_rejects.parquet")
        con.execute(
            "copy (select * replace (left_of_payload(payload) as payload) from "
            f"{parquet(file)}) to {literal(str(kept))} ({_PARQUET})"
        )
        return kept

    def left_of_payloads(
        self, con: duckdb.DuckDBPyConnection, rejects: str
    ) -> Callable[[str], str]:
        """What is left of a rejected row as it came, without what is personal.

        Whose it is, the contract's own reading of it says, however it is written. Of the rows of
        erased people, fields that the contract does not know are left out as well; of a line that
        could not be split nobody can say whose it is, so nothing of any is left.

        Args:
            con: Connection to read them over.
            rejects: The rejected rows, in SQL.

        Returns:
            Payload → what is left of it.
        """
        if not self.traces:
            return lambda payload: payload
        self.fingerprints.register(con)
        lines = con.execute(
            f"select payload from {rejects} where reason_code = 'malformed_row'"
        ).fetchall()
        left = {payload: _NO_LINE for (payload,) in lines}
        rows = f"(select * from {rejects} where json_type(try_cast(payload as json)) = 'OBJECT')"
        shapes = con.execute(f"select distinct json_keys(payload) from {rows}").fetchall()
        for (names,) in shapes:
            left |= self._left_of_shape(con, rows, names)
        return lambda payload: left.get(payload, payload)

    def _left_of_shape(
        self, con: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]
    ) -> dict[str, str]:
        """What is left of the erased people's rows among those that have just these values."""
        known = known_in_text(self.contract, names)
        own = {column.name for column, _ in known.values()}
        traces = [trace for trace in self.traces if own.issuperset(trace.columns)]
        if not traces:
            return {}
        values = "".join(
            f", json_extract_string(payload, {literal('/' + _pointer(n))}) as {identifier(n)}"
            for n in known
        )
        typed = "".join(f", {sql} as {identifier(c.name)}" for c, sql in known.values())
        texts = f"select payload as _payload{values} from {rows} where json_keys(payload) = ?"
        found = con.execute(
            f"select _payload from (select _payload{typed} from ({texts})) "
            f"where {is_theirs(traces)}",
            [names],
        ).fetchall()
        kept = {name for name, (column, _) in known.items() if not column.personal}
        return {payload: _only(payload, kept) for (payload,) in found}


def _only(payload: str, names: Collection[str]) -> str:
    return json.dumps({name: v for name, v in json.loads(payload).items() if name in names})


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
