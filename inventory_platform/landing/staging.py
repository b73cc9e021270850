"""Reading a table once and judging every row: the first half of a load.

Here is which way of reading is good enough, and the one scan that casts, judges and tells
accepted rows from rejected ones. What is already known of those rows is `settlement.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import LandingError, SourceError
from inventory_platform.landing.compiler import Compiled, compile_contract
from inventory_platform.sources.base import Reader, Relation, Request

log = logging.getLogger(__name__)

# Level 1 costs a tenth less time than level 3 for a twentieth more bytes.
PARQUET = "format parquet, compression zstd, compression_level 1"

# Rows a scan holds back per thread before it writes them: one row group instead of four.
_ROWS_HELD = 122_880

_DENSE = 16
"""Numbers a key may range over per row to be looked at as a bitmap."""


@dataclass(frozen=True)
class Staged:
    """One scan of a relation, judged: files of accepted and rejected rows.

    `repeated` says whether two accepted rows claim the same version of the same key.
    """

    compiled: Compiled
    relation: Relation
    accepted: Path | None
    rejected: Path | None
    accepted_rows: int
    rejected_rows: int
    repeated: bool


@dataclass(frozen=True)
class Staging:
    """Reads and judges the rows of one load into files of its own folder."""

    con: duckdb.DuckDBPyConnection
    contract: TableContract
    folder: Path
    load_id: str
    started: datetime

    def read(self, reader: Reader, request: Request) -> Staged:
        """Scan the table by the fastest relation that is good enough."""
        relations = reader.relations(self.con, request)
        staged: Staged | None = None
        mismatch: Exception | None = None
        for relation in relations:
            if relation.plain_text and not _survives_text(self.contract):
                continue
            try:
                scanned = self.scan(relation, request)
            except (
                duckdb.TypeMismatchException,
                duckdb.ConversionException,
                duckdb.InvalidInputException,
            ) as error:
                mismatch = error
                log.info("%s: reading again, %s", self.contract.relation, error)
                continue
            if relation.is_unfaithful and relation.is_unfaithful():
                log.info("%s: reading again, values were changed", self.contract.relation)
                continue
            staged = scanned
            if relation.position or not (staged.rejected_rows or staged.repeated):
                return staged
        if staged is None:
            reason = str(mismatch).splitlines()[0] if mismatch else "no way to read it"
            raise SourceError(
                f"Table {self.contract.source_table!r} cannot be read: {reason}.",
                "Correct the values in the source.",
            )
        return staged

    def scan(self, relation: Relation, request: Request) -> Staged:
        """Cast and judge every row of a relation in one pass, into two files."""
        for statement in relation.setup:
            self.con.execute(statement)
        self.con.execute(f"set partitioned_write_flush_threshold = {_ROWS_HELD}")
        parts = [(self._compile(part), part) for part in (relation, *relation.apart)]
        compiled = _together([own for own, _ in parts])
        placed = {
            "_position": relation.position,
            "_origin": relation.origin,
            "_sequence": relation.sequence,
        }
        kept = "".join(f", {name}" for name, sql in placed.items() if sql)
        target = self.folder / "scan"
        judged = " union all by name ".join(
            f"select {names(list(own.types))}, {literal(self.load_id)} as _load_id, "
            f"timestamp {literal(self.started.isoformat(sep=' '))} as _loaded_at, "
            f"false as _is_deleted{kept}, {own.reject(part)} as _reject "
            f"from ({_newer(self.contract, own.select(part), request, relation)})"
            for own, part in parts
        )
        # Telling rows apart while writing costs a fifth of the encoding, taking them apart
        # afterwards twice as much as the encoding: the first where some will be refused.
        if relation.suspect:
            files = self._write_apart(judged, target)
        else:
            files = self._write_together(judged, target)
            if True in files and not relation.clean_only:
                files = self._write_apart(f"from {parquet(files[True][0])}", target)
        accepted, accepted_rows = files.get(False, (None, 0))
        rejected, rejected_rows = files.get(True, (None, 0))
        return Staged(
            compiled=compiled,
            relation=relation,
            accepted=accepted,
            rejected=rejected,
            accepted_rows=accepted_rows,
            rejected_rows=rejected_rows,
            repeated=self._has_repeated_keys(accepted, accepted_rows),
        )

    def _compile(self, relation: Relation) -> Compiled:
        return compile_contract(
            self.contract,
            relation.columns,
            self.started,
            relation.malformed,
            unchecked_text=relation.unchecked_text,
        )

    def _write_apart(self, judged: str, target: Path) -> dict[bool, tuple[Path, int]]:
        """Write accepted and rejected rows to files of their own: rejected? → file, rows."""
        counts = self.con.execute(
            f"copy (select *, _reject is not null as _rejected from ({judged})) "
            f"to {literal(str(target))} "
            f"({PARQUET}, partition_by (_rejected), overwrite, return_stats)"
        ).fetchall()
        files = {("_rejected=true" in name): (Path(name), rows) for name, rows, *_ in counts}
        if len(files) != len(counts):
            raise LandingError("A scan was split over more files than expected.", "Report this.")
        return files

    def _write_together(self, judged: str, target: Path) -> dict[bool, tuple[Path, int]]:
        """Write all rows to one file, which is final only if none is rejected."""
        path = target.with_suffix(".parquet")
        self.con.execute(f"copy ({judged}) to {literal(str(path))} ({PARQUET})")
        rows, rejected = self.con.execute(
            f"select count(*), count(_reject) from {parquet(path)}"
        ).fetchall()[0]
        if rejected:
            return {True: (path, rejected)}
        return {False: (path, rows)} if rows else {}

    def _has_repeated_keys(self, accepted: Path | None, rows: int) -> bool:
        """Whether two rows claim the same version of the same key; sometimes a false yes."""
        if accepted is None or not self.contract.key or self._is_dense_key(accepted, rows):
            return False
        # Two keys may share a hash, which only costs a closer look.
        key = names(version_key(self.contract))
        return self._says_true(
            f"select count(distinct hash({key})) < count(*) from {parquet(accepted)}"
        )

    def _is_dense_key(self, accepted: Path, rows: int) -> bool:
        """Whether the key is one number, without gaps to speak of and without repeats.

        Most keys are, and a bit for each number is several times cheaper than a set of them.
        """
        if [self.contract.by_name[k].type for k in self.contract.key] != ["BIGINT"]:
            return False
        key = names(self.contract.key)
        low, high = self.con.execute(
            f"select min({key}), max({key}) from {parquet(accepted)}"
        ).fetchall()[0]
        if high - low >= _DENSE * rows:
            return False
        return self._says_true(
            f"select bit_count(bitstring_agg({key}, {low}, {high})) = {rows} "
            f"from {parquet(accepted)}"
        )

    def _says_true(self, query: str) -> bool:
        row = self.con.execute(query).fetchone()
        return bool(row and row[0])


def _together(compiled: Sequence[Compiled]) -> Compiled:
    """What is known of all rows, where some have other columns than the rest."""
    first, *others = compiled
    if not others:
        return first
    types = {name: kind for own in compiled for name, kind in own.types.items()}
    drift = list(dict.fromkeys(change for own in compiled for change in own.drift))
    return replace(first, types=types, drift=drift)


def _survives_text(contract: TableContract) -> bool:
    """Whether no column of the contract would lose digits or bytes on the way through text."""
    return not any(c.type in {"DOUBLE", "BLOB"} for c in contract.columns)


def lower_bound(
    con: duckdb.DuckDBPyConnection, contract: TableContract, since: str | None
) -> str | None:
    """The cursor value, as text, from which on rows are looked at; None for all of them."""
    if since is None or contract.cursor is None:
        return None
    kind = contract.by_name[contract.cursor].type
    limit = f"cast({literal(since)} as {kind})"
    if isinstance(contract.lookback, int):
        limit = f"{limit} - {contract.lookback}"
    elif kind in {"TIMESTAMP", "DATE"}:
        seconds = int(contract.lookback.total_seconds())
        limit = f"cast({limit} - interval '{seconds} seconds' as {kind})"
    row = con.execute(f"select cast({limit} as varchar)").fetchone()
    return row[0] if row else None


def _newer(contract: TableContract, rows: str, request: Request, relation: Relation) -> str:
    """The rows from the bound on; all of them for a first load, a snapshot or chosen inputs."""
    if request.newer_than is None or contract.cursor is None or relation.is_chosen:
        return rows
    column = contract.by_name[contract.cursor]
    value = identifier(column.name)
    # A row whose cursor cannot be read is never skipped: it must be seen to be quarantined.
    bound = f"cast({literal(request.newer_than[1])} as {column.type})"
    return f"select * from ({rows}) where {value} >= {bound} or {value} is null"


def version_key(contract: TableContract) -> list[str]:
    """Columns that tell two versions of a row apart."""
    return [*contract.key, *([contract.cursor] if contract.cursor else [])]


def names(columns: Sequence[str]) -> str:
    """Column names as SQL lists them."""
    return ", ".join(identifier(c) for c in columns)
