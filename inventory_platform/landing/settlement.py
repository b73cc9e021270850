"""Comparing a staged load with itself and with history: the second half of a load.

Here is which rows are new, which are copies, contradictions or already known, and which
rows of a snapshot vanished. How rows were read and judged is `staging.py`.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import LandingError
from inventory_platform.landing.lake import Lake, loads_in
from inventory_platform.landing.staging import PARQUET, Staged, names, version_key
from inventory_platform.landing.views import (
    current_select,
    empty_select,
    metadata_types,
    quarantine_select,
    raw_select,
)

_SPANS = 8
"""Parts the range of a small file's cursor values is cut into."""

_SMALL = 250_000
"""Rows of a file up to which cutting costs nothing to speak of; larger ones are few."""


@dataclass(frozen=True)
class Settled:
    """What is left of a staged load after comparing it with itself and with history."""

    raw: Path | None
    quarantine: Path | None
    rows_loaded: int
    rows_quarantined: int
    rows_deduplicated: int
    rows_vanished: int

    @property
    def files(self) -> dict[str, Path]:
        """The finished files, by zone of the lake."""
        found = {"raw": self.raw, "quarantine": self.quarantine}
        return {zone: path for zone, path in found.items() if path is not None}


class Settlement:
    """Compares a staged load with itself and with history and writes what is new.

    A row is new when its content is not that of the version it would take the place of: where a
    cursor orders the versions of a row, the newest with the same cursor value; otherwise the
    current one. Rows without a key are told apart by their declared columns and a count.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        lake: Lake,
        contract: TableContract,
        staged: Staged,
        folder: Path,
        load_id: str,
        started: datetime,
    ) -> None:
        self.con = con
        self.lake = lake
        self.contract = contract
        self.staged = staged
        self.folder = folder
        self.load_id = load_id
        self.started = started
        self.history = lake.files("raw", contract)
        self.has_history = bool(self.history)

    def settle(self) -> Settled:
        """Write the raw and the quarantine file of the load, where there is anything to keep."""
        self._refuse_sudden_emptiness()
        staged = self.staged
        copies = conflicts = unchanged = vanished = 0
        self._view_history()
        raw, loaded = staged.accepted, staged.accepted_rows
        needs_resolving = raw is not None and (staged.repeated or not self.contract.key)
        if needs_resolving:
            copies, conflicts = self._resolve_repeats()
        if needs_resolving or self.has_history:
            unchanged, vanished = self._compare_with_history("kept" if needs_resolving else None)
            raw, loaded = self._write_new(vanished)
        quarantine, quarantined, known = self._quarantine(conflicts)
        return Settled(
            raw=raw,
            quarantine=quarantine,
            rows_loaded=loaded,
            rows_quarantined=quarantined,
            rows_deduplicated=copies + unchanged + known,
            rows_vanished=vanished,
        )

    def _refuse_sudden_emptiness(self) -> None:
        rows = self.staged.accepted_rows + self.staged.rejected_rows
        is_suspicious = self.contract.is_snapshot and not self.contract.may_be_empty
        if is_suspicious and self.has_history and rows == 0:
            raise LandingError(
                f"Source table {self.contract.source_table!r} of {self.contract.source!r} is "
                "empty, and was not before.",
                "Check the source. If the table may be empty, say so in its contract with "
                "`may_be_empty=True`. The last good state stays.",
            )

    # -- within the load -------------------------------------------------------------------

    def _resolve_repeats(self) -> tuple[int, int]:
        """Give every row of the load its verdict; returns (settled, contradictions).

        Settled are exact copies, and versions that a later origin of the same load replaced.
        """
        accepted = parquet(self.staged.accepted)
        if not self.contract.key:
            self._number_occurrences(accepted)
            return 0, 0
        key = names(version_key(self.contract))
        # Only rows of repeated keys go through the window: it sorts, the rest streams.
        self.con.execute(
            f"create temp table repeated as select *, row_number() over latest as _rank, "
            f"{self._hash} <> first_value({self._hash}) over latest and {self._sequence} is not "
            f"distinct from first_value({self._sequence}) over latest as _contradicts "
            f"from {accepted} semi join (select {key} "
            f"from {accepted} group by {key} having count(*) > 1) using ({key}) "
            f"window latest as (partition by {key} order by {self._newest_first})"
        )
        self.con.execute(
            f"create temp view kept as select * exclude (_contradicts, _rank) from repeated "
            f"where _rank = 1 union all by name select * from {accepted} anti join repeated "
            f"using ({key})"
        )
        row = self.con.execute(
            "select count(*) filter (_rank > 1 and not _contradicts), "
            "count(*) filter (_rank > 1 and _contradicts) from repeated"
        ).fetchone()
        copies, conflicts = row if row else (0, 0)
        return copies, conflicts

    def _number_occurrences(self, accepted: str) -> None:
        """Count equal rows of a table without a key.

        Increments bring each row once and count on; any other load may bring again what is
        known, and counts from one.
        """
        content = names(self._content)
        counted = f"row_number() over (partition by {content} order by {self._position})"
        if not (self.contract.increments and self.has_history):
            self.con.execute(
                f"create temp table kept as select *, {counted} as _occurrence from {accepted}"
            )
            return
        self.con.execute(
            f"create temp table kept as select n.*, {counted} + coalesce(k._known, 0) as "
            f"_occurrence from (select *, {self._hash} as _content from {accepted}) n left join "
            f"(select {self._hash} as _content, max(_occurrence) as _known from history group by "
            "all) k using (_content)"
        )
        self.con.execute("alter table kept drop column _content")

    # -- against history -------------------------------------------------------------------

    def _view_history(self) -> None:
        """Show the versions of rows that incoming ones are compared with."""
        if not self.has_history:
            rows, condition = None, ""
        elif self.contract.cursor:
            rows = raw_select(self.con, self.lake, self.contract, files=self._files_to_compare())
            condition = self._recent_enough()
        else:
            rows = current_select(self.con, self.lake, self.contract)
            condition = " where not _is_deleted"
        self.con.execute(
            f"create temp view history as select * from ({self._shaped(rows)}){condition}"
        )

    def _files_to_compare(self) -> list[str]:
        """Files that may hold one of the incoming rows: an equal row has an equal cursor.

        A file of which is not known where its values lie, in this column, is among them.
        """
        cursor = self.contract.cursor
        if cursor is None or self.staged.accepted is None:
            return []
        spans: list[tuple[str, str | None, str | None]] = []
        ids = self.lake.load_ids(self.contract)
        for file in self.history:
            first_load, last_load = loads_in(file)
            for load_id in ids[bisect_left(ids, first_load) : bisect_right(ids, last_load)]:
                record = self.lake.record(self.contract, load_id)
                if record.raw_file is None:
                    continue
                known = record.cursor_spans if record.cursor_column == cursor else []
                spans += [(file, first, last) for first, last in known] or [(file, None, None)]
        kind = self.contract.by_name[cursor].type
        self.con.execute(
            f"create temp table spans as select s[1] as file, try_cast(s[2] as {kind}) as first, "
            f"try_cast(s[3] as {kind}) as last "
            """from (select unnest(from_json(?, '[["varchar"]]')) as s)""",
            [json.dumps(spans)],
        )
        # Of all values from a span's beginning on, the first one lies in it or none does.
        found = self.con.execute(
            f"select distinct file from spans asof left join (select {identifier(cursor)} as "
            f"value from {parquet(self.staged.accepted)}) on first <= value "
            "where first is null or last is null or value <= last order by file"
        ).fetchall()
        return [file for (file,) in found]

    def _compare_with_history(self, resolved: str | None) -> tuple[int, int]:
        """Split the load into known and new rows; returns (unchanged, vanished)."""
        incoming = resolved or parquet(self.staged.accepted) if self.staged.accepted else None
        self.con.execute(
            f"create temp view incoming as select *, {self._hash} as _hash "
            f"from ({self._shaped(f'select * from {incoming}' if incoming else None)})"
        )
        identity = self._identity
        known = f"select *, {self._hash} as _hash from history"
        if self.contract.cursor:
            known = self._newest_known() if self.contract.key else known
            # The load may be small and history large: what both hold is looked up once.
            self.con.execute(
                f"create temp table seen as select {identity} from incoming "
                f"semi join ({known}) using ({identity})"
            )
            return self._count("seen"), 0
        self.con.execute(f"create temp table known as {known}")
        self.con.execute("create temp view seen as select * from known")
        unchanged = self._count(f"incoming semi join seen using ({identity})")
        if not (self.contract.is_snapshot and self.has_history):
            return unchanged, 0
        same = names(self.contract.key) or identity
        rejected = (
            f" anti join {parquet(self.staged.rejected)} using ({same})"
            if self.staged.rejected and self.contract.key
            else ""
        )
        self.con.execute(
            f"create temp view vanished as select * from known anti join incoming "
            f"using ({same}){rejected}"
        )
        return unchanged, self._count("vanished")

    def _newest_known(self) -> str:
        """The newest version of each incoming key and cursor value, unless it is a deletion.

        A value may go and come back while the cursor stands still, as a day does.
        """
        version = names(version_key(self.contract))
        return (
            f"select {names(self.contract.key)}, max_by({self._hash}, _load_id) as _hash "
            f"from history semi join incoming using ({version}) group by {version} "
            "having not max_by(_is_deleted, _load_id)"
        )

    def _shaped(self, select: str | None) -> str:
        """Rows with every column of this load, whichever of them they were written with."""
        types = {**self.staged.compiled.types, **metadata_types(self.contract)}
        rows = f" union all by name {select}" if select else ""
        return f"select {names(list(types))} from ({empty_select(types)}{rows})"

    def _recent_enough(self) -> str:
        # History before the oldest incoming version cannot hold any of the incoming versions.
        cursor = self.contract.cursor
        if cursor is None or self.staged.accepted is None:
            return ""
        name = identifier(cursor)
        oldest = f"(select min({name}) from {parquet(self.staged.accepted)})"
        return f" where {name} >= {oldest}"

    def _write_new(self, vanished: int) -> tuple[Path | None, int]:
        new = f"incoming anti join seen using ({self._identity})"
        loaded = self._count(new)
        if loaded + vanished == 0:
            return None, 0
        deletions = ""
        if vanished:
            deletions = (
                " union all by name select * exclude (_hash) replace ("
                f"{literal(self.load_id)} as _load_id, "
                f"timestamp {literal(self.started.isoformat(sep=' '))} as _loaded_at, "
                "true as _is_deleted) from vanished"
            )
        target = self.folder / "raw.parquet"
        self.con.execute(
            f"copy (select * exclude (_hash) from {new}{deletions}) "
            f"to {literal(str(target))} ({PARQUET})"
        )
        return target, loaded

    # -- quarantine ------------------------------------------------------------------------

    def _quarantine(self, conflicts: int) -> tuple[Path | None, int, int]:
        """Write the rejected rows that are not in quarantine yet; returns also (new, known)."""
        total = self.staged.rejected_rows + conflicts
        if total == 0:
            return None, 0, 0
        parts = []
        if self.staged.rejected:
            parts.append(
                "select cast(_reject ->> '$.position' as bigint) as position, "
                "_reject ->> '$.origin' as origin, "
                "_reject ->> '$.code' as reason_code, _reject ->> '$.reason' as reason, "
                "_reject ->> '$.payload' as payload "
                f"from {parquet(self.staged.rejected)}"
            )
        if conflicts:
            parts.append(self._contradictions())
        known = quarantine_select(self.lake.files("quarantine", self.contract))
        self.con.execute(
            f"create temp table rejects as select reject_id, min(position) as "
            "position, any_value(origin) as origin, any_value(reason_code) as reason_code, "
            "any_value(reason) as reason, any_value(payload) as payload "
            f"from (select *, {self._reject_id} as reject_id from ({' union all '.join(parts)})) "
            "group by all "
            f"having reject_id not in (select reject_id from ({known}))"
        )
        new = self._count("rejects")
        if new == 0:
            return None, 0, total
        target = self.folder / "quarantine.parquet"
        self.con.execute(
            "copy (select reject_id, 'rejected' as event, "
            f"{literal(self.load_id)} as load_id, {literal(self.contract.source)} as source, "
            f"{literal(self.contract.name)} as table_name, "
            f"timestamp {literal(self.started.isoformat(sep=' '))} as happened_at, "
            f"origin, position, reason_code, reason, payload from rejects order by position) "
            f"to {literal(str(target))} ({PARQUET})"
        )
        return target, new, total - new

    @property
    def _reject_id(self) -> str:
        """SQL of what tells a rejected row from others, over the rows of this load.

        With a key, equal rows are one, whenever they come. Without, they are counted like those
        that are accepted: increments bring each row once, so those of two loads are two. A file
        that is refused once more is the same file.
        """
        same = f"{literal(self.contract.relation)} || '|' || reason_code || '|' || payload"
        if self.contract.key:
            return f"md5({same})"
        count = "row_number() over (partition by reason_code, payload order by origin, position)"
        if self.contract.increments:
            is_alone = "reason_code = 'rejected_file'"
            count = f"{literal(f'{self.load_id}|')} || {count}"
        else:
            is_alone = f"{count} = 1"
        return f"md5({same} || case when {is_alone} then '' else '|' || {count} end)"

    def _contradictions(self) -> str:
        fields = ", ".join(
            f"{literal(self._source_name(n))}: cast({identifier(n)} as varchar)"
            for n in self.staged.compiled.types
        )
        key = ", ".join(self._source_name(n) for n in self.contract.key)
        reason = (
            f"{key}: another row of the same load has this key and other values, and came later"
        )
        return (
            f"select {self._position} as position, {self._origin} as origin, "
            f"'duplicate_key' as reason_code, "
            f"{literal(reason)} as reason, cast(to_json({{{fields}}}) as varchar) "
            f"as payload from repeated where _rank > 1 and _contradicts"
        )

    def _source_name(self, name: str) -> str:
        column = self.contract.by_name.get(name)
        return column.source if column else name

    # -- SQL parts -------------------------------------------------------------------------

    @property
    def _content(self) -> list[str]:
        """Columns that make two rows differ; without a key, those that identify a row."""
        return list(self.staged.compiled.types if self.contract.key else self.contract.by_name)

    @property
    def _identity(self) -> str:
        """Columns that are equal when a row is already known."""
        return names([*(self.contract.key or ["_occurrence"]), "_hash"])

    @property
    def _hash(self) -> str:
        # Computed from the stored columns each time: DuckDB's hash may change between versions.
        row = f"row({names(self._content)})"
        if self.contract.key:
            return f"hash({row})"
        # Without a key the hash alone tells rows apart, and 64 bits are few for millions.
        return f"{{'low': hash({row}), 'high': hash({row}, 1)}}"

    @property
    def _position(self) -> str:
        return "_position" if self.staged.relation.position else "cast(null as bigint)"

    @property
    def _origin(self) -> str:
        return "_origin" if self.staged.relation.origin else "cast(null as varchar)"

    @property
    def _sequence(self) -> str:
        return "_sequence" if self.staged.relation.sequence else "cast(null as varchar)"

    @property
    def _newest_first(self) -> str:
        return f"{self._sequence} desc, {self._position} desc nulls last, {self._hash} desc"

    def _count(self, relation: str) -> int:
        row = self.con.execute(f"select count(*) from {relation}").fetchone()
        return int(row[0]) if row else 0


def cursor_spans(
    con: duckdb.DuckDBPyConnection, contract: TableContract, raw: Path | None
) -> list[list[str]]:
    """Where the cursor's values in a raw file lie: first and last of each span, as text.

    The range of a small file is cut into a few equal parts and each part shrunk to what it
    holds, so that one late row, or one wrong clock, does not make the file look as if it held
    everything in between. A large file is one span.
    """
    if contract.cursor is None or raw is None:
        return []
    name = identifier(contract.cursor)
    low, high, rows = con.execute(
        f"select cast(min({name}) as varchar), cast(max({name}) as varchar), count(*) "
        f"from {parquet(raw)}"
    ).fetchall()[0]
    if rows > _SMALL:
        return [[low, high]]
    is_time = contract.by_name[contract.cursor].type in {"TIMESTAMP", "DATE"}
    place = f"cast({f'epoch_us({name})' if is_time else name} as double)"
    found = con.execute(
        f"with placed as (select {name} as value, {place} as place from {parquet(raw)}), "
        "range as (select min(place) as low, max(place) as high from placed) "
        "select cast(min(value) as varchar), cast(max(value) as varchar) from placed, range "
        f"group by least(floor((place - low) * {_SPANS} / nullif(high - low, 0)), {_SPANS - 1}) "
        "order by min(value)"
    ).fetchall()
    return [[first, last] for first, last in found]
