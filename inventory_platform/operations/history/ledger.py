"""Loads and rejected rows out of the lake, without what is personal in them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.operations.history.tables import QUARANTINED_ROWS

HIDDEN = "***"
_NEWEST_PER_TABLE = 200
_QUOTED = re.compile(r"'.*'", re.DOTALL)


def new_loads(
    lake: Lake,
    contracts: Collection[TableContract],
    newest: Mapping[tuple[str, str], str],
    first_day: date,
) -> Iterator[tuple[date, dict[str, Any]]]:
    """Loads that were committed since, each with the day it is kept under.

    Loads of a table commit in the order of their ids, so none is passed over.

    Args:
        lake: Where the records are.
        contracts: The tables.
        newest: Source and table → newest load that is collected.
        first_day: Earlier loads are too old to be kept.
    """
    for contract in contracts:
        last = newest.get((contract.source, contract.name), "")
        for load_id in lake.load_ids(contract):
            day = lake.date_of(load_id)
            if load_id > last and day >= first_day:
                yield day, _row(lake.record(contract, load_id))


def _row(record: LoadRecord) -> dict[str, Any]:
    started, committed = _instant(record.started_at), _instant(record.committed_at)
    return {
        "source": record.source,
        "table_name": record.table_name,
        "load_id": record.load_id,
        "kind": record.kind,
        "committed_at": committed,
        "rows_read": record.rows_read,
        "rows_loaded": record.rows_loaded,
        "rows_quarantined": record.rows_quarantined,
        "rows_deduplicated": record.rows_deduplicated,
        "rows_vanished": record.rows_vanished,
        "seconds": (committed - started).total_seconds(),
    }


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def newest_rejects(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, TableContract]
) -> list[dict[str, Any]]:
    """The newest rows of `ops.quarantine`, some of each table, what is personal hidden.

    Args:
        con: A connection that sees `ops.quarantine`.
        contracts: Relation → contract, which says what is personal.
    """
    names = ", ".join(identifier(n) for n in QUARANTINED_ROWS if n != "quarantined_at")
    rows = con.execute(
        f"select {names}, happened_at from ops.quarantine qualify row_number() over (partition by "
        "source, table_name order by load_id desc, position asc nulls last, reject_id) <= ?",
        [_NEWEST_PER_TABLE],
    ).fetchall()
    found = [dict(zip(QUARANTINED_ROWS, row, strict=True)) for row in rows]
    for row in found:
        contract = contracts.get(f"{row['source']}__{row['table_name']}")
        _hide_personal(row, contract)
    return found


def _hide_personal(row: dict[str, Any], contract: TableContract | None) -> None:
    """Take the values of personal columns out of a rejected row; all, where they cannot be told.

    A reason never shows the value of a personal column, but it may show one of a row that could
    not be split into columns.
    """
    known = {c.source for c in contract.columns} if contract else set()
    personal = {c.source for c in contract.columns if c.personal} if contract else set()
    if contract and not personal:
        return
    try:
        payload = json.loads(row["payload"])
    except (TypeError, ValueError):
        payload = None
    if isinstance(payload, dict) and payload.keys() & known:
        row["payload"] = json.dumps(
            {n: v if n in known - personal or v is None else HIDDEN for n, v in payload.items()},
            ensure_ascii=False,
        )
    else:
        row["payload"] = HIDDEN
        row["reason"] = _QUOTED.sub(f"'{HIDDEN}'", row["reason"])
