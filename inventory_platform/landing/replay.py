"""Giving rejected rows another chance, after the contract was corrected.

A replay is a load whose source is the quarantine: the same judgement, the same commit
point, a line of its own in the ledger. A row whose key has arrived in a newer version, by the
cursor or by a later load, is marked `superseded` instead of being loaded over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.landing.compiler import known_in_text
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.loader import NamedFailures, contract_version, told_of_history
from inventory_platform.landing.settlement import cursor_spans
from inventory_platform.landing.staging import PARQUET, Staged, Staging
from inventory_platform.landing.suppression import Suppression
from inventory_platform.landing.views import current_select, quarantine_select
from inventory_platform.settings import Settings
from inventory_platform.sources.base import Malformed, Relation, Request

# A line that could not be split, or a file that could not be read, has no columns to judge.
_IS_ROW = "(reason_code not in ('malformed_row', 'rejected_file'))"


@dataclass(frozen=True)
class Replayed:
    """Outcome of a replay: its ledger line, and what became of the rows."""

    record: LoadRecord
    replayed: int
    superseded: int
    still_rejected: int


def replay(
    settings: Settings, contract: TableContract, *, code_version: str = ""
) -> Replayed | None:
    """Judge the open quarantined rows of a table again and load those that pass now.

    Rows that still break the contract stay open; in the ledger line they count as
    deduplicated, since quarantine holds them already.

    Returns:
        The outcome, or None when nothing of the table is in quarantine.

    Raises:
        ContractError: Values of earlier loads do not fit the contract any more.
        LandingError: The replay could not be kept; nothing of it is visible.
    """
    lake = Lake.of(settings)
    started = datetime.now(UTC).replace(tzinfo=None)
    with (
        NamedFailures(contract, settings, frozenset()),
        lake.lock(contract, settings.lock_timeout_seconds),
        lake.staging(contract) as folder,
        duck.connect(settings) as con,
    ):
        lake.sweep(contract)
        last = lake.last_record(contract)
        if last is None or not _open_rejects(con, lake, contract):
            return None
        told_of_history(con, lake, contract)
        load_id = lake.new_load_id(contract, started.replace(tzinfo=UTC))
        staged = Staging(con, contract, folder, load_id, started).scan(
            _quarantined_rows(con, contract), Request(contract.source_table)
        )
        erased = Suppression.of(settings, lake, contract)
        if erased and staged.accepted:
            staged = replace(staged, accepted=erased.of_rows(con, staged.accepted))
        replayed, superseded = _judge(con, lake, contract, staged)
        files = _write(con, folder, load_id, started, replayed, superseded)
        still_rejected = staged.rejected_rows
        record = LoadRecord(
            load_id=load_id,
            source=contract.source,
            table_name=contract.name,
            kind="replay",
            address="quarantine",
            code_version=code_version,
            contract_version=contract_version(contract),
            started_at=started.isoformat(sep=" "),
            committed_at="",
            rows_read=staged.accepted_rows + staged.rejected_rows,
            rows_loaded=replayed,
            rows_quarantined=0,
            rows_deduplicated=superseded + still_rejected,
            rows_vanished=0,
            cursor_column=last.cursor_column,
            cursor_from=last.cursor_to,
            cursor_to=last.cursor_to,
            cursor_spans=cursor_spans(con, contract, files.get("raw")),
            resume=last.resume,
            columns=last.columns,
        )
        return Replayed(lake.commit(contract, record, files), replayed, superseded, still_rejected)


def _open_rejects(con: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract) -> int:
    select = quarantine_select(lake.files("quarantine", contract))
    con.execute(
        "create temp table open_rejects as select row_number() over (order by load_id, origin, "
        f"position, reject_id) as _row, * from ({select}) where status = 'open'"
    )
    row = con.execute("select count(*) from open_rejects").fetchone()
    return int(row[0]) if row else 0


def _quarantined_rows(con: duckdb.DuckDBPyConnection, contract: TableContract) -> Relation:
    """The payloads as rows of text; those with other names apart, as they were loaded."""
    found = con.execute(
        f"select distinct json_keys(payload) as names from open_rejects where {_IS_ROW} "
        "order by names"
    ).fetchall()
    first, *apart = [_rows_named(contract, names) for (names,) in found] or [
        _rows_named(contract, [])
    ]
    return replace(first, sql=f"{first.sql} or not {_IS_ROW}", apart=apart)


def _rows_named(contract: TableContract, found: Sequence[str]) -> Relation:
    known = {column.name for column, _ in known_in_text(contract, found).values()}
    names = [*found, *(c.source for c in contract.columns if c.name not in known)]
    columns = ", ".join(
        f"json_extract_string(payload, {literal('/' + _pointer(n))}) as {identifier(n)}"
        for n in names
    )
    keys = ", ".join(map(literal, found))
    return Relation(
        sql=f"select {columns}, _row, case when not {_IS_ROW} then reason end as _complaint, "
        "payload as _line, reason_code as _code, origin as _came_from from open_rejects "
        f"where {_IS_ROW} and json_keys(payload) = [{keys}]::varchar[]",
        columns=dict.fromkeys(names, "VARCHAR"),
        position="_row",
        origin="_came_from",
        malformed=Malformed("_complaint", "_line", "_code"),
        suspect=True,
    )


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _judge(
    con: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract, staged: Staged
) -> tuple[int, int]:
    """Tell the rows that are still wanted from those that came by another way."""
    if staged.accepted is None:
        return 0, 0
    judged = _judge_keyed(contract) if contract.key else _judge_keyless(contract)
    con.execute(
        f"create temp table judged as with a as (from {parquet(staged.accepted)}), "
        f"c as (from ({current_select(con, lake, contract)}) where not _is_deleted) {judged}"
    )
    row = con.execute(
        "select count(*) filter (not _superseded), count(*) filter (_superseded) from judged"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _judge_keyed(contract: TableContract) -> str:
    """SQL of the accepted rows `a`, and whether a row of `c` or among them takes their place.

    Of one load, the row further down is the newer, except that a contradiction always lost.
    """
    key = ", ".join(f"a.{identifier(k)}" for k in contract.key)
    same = " and ".join(f"c.{identifier(k)} = a.{identifier(k)}" for k in contract.key)
    newer = (
        "(c._load_id, coalesce(c._origin, ''), coalesce(c._position, 0)) >= "
        "(r.load_id, coalesce(r.origin, ''), coalesce(r.position, 0)) "
        "or r.reason_code = 'duplicate_key'"
    )
    order = "a._position desc"
    if contract.cursor:
        ours, theirs = (f"{row}.{identifier(contract.cursor)}" for row in "ac")
        newer = f"{theirs} > {ours} or {theirs} = {ours} and ({newer})"
        order = f"{ours} desc, {order}"
    return (
        f"select a.*, row_number() over (partition by {key} order by {order}) > 1 "
        f"or exists (select 1 from c where {same} and ({newer})) as _superseded "
        "from a join open_rejects r on r._row = a._position"
    )


def _judge_keyless(contract: TableContract) -> str:
    """The same where rows have no identity: another copy gets the next number."""
    content = [identifier(c.name) for c in contract.columns]
    ours = ", ".join(f"a.{name}" for name in content)
    equal = " and ".join(f"a.{name} is not distinct from known.{name}" for name in content)
    return (
        "select a.*, false as _superseded, coalesce(known._count, 0) + row_number() over "
        f"(partition by {ours} order by a._position) as _occurrence from a left join "
        f"(select {', '.join(content)}, max(_occurrence) as _count from c group by all) known "
        f"on {equal}"
    )


def _write(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    load_id: str,
    started: datetime,
    replayed: int,
    superseded: int,
) -> dict[str, Path]:
    files: dict[str, Path] = {}
    if replayed:
        files["raw"] = folder / "raw.parquet"
        con.execute(
            "copy (select j.* exclude (_superseded, _reject) replace (r.position as _position) "
            "from judged j join open_rejects r on r._row = j._position where not _superseded) "
            f"to {literal(str(files['raw']))} ({PARQUET})"
        )
    if replayed or superseded:
        files["quarantine"] = folder / "quarantine.parquet"
        con.execute(
            "copy (select r.reject_id, case when j._superseded then 'superseded' else 'replayed' "
            f"end as event, {literal(load_id)} as load_id, r.source, r.table_name, "
            f"timestamp {literal(started.isoformat(sep=' '))} as happened_at, r.origin, "
            "r.position, r.reason_code, r.reason, r.payload "
            "from judged j join open_rejects r on r._row = j._position) "
            f"to {literal(str(files['quarantine']))} ({PARQUET})"
        )
    return files
