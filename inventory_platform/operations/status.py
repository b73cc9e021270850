"""The state of the platform, read from the lake and the published marts alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from inventory_platform.operations.query import reader
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.registry import Registry


def status(registry: Registry) -> dict[str, Any]:
    """Every table's newest load, every load's ledger line, quarantine and publication.

    Returns:
        `ledger_holds` (whether every load accounts for every row it read), `tables`,
        `loads`, `quarantine` and `published`, ready for JSON.
    """
    with reader(registry.settings, registry.relations) as con:
        loads = _rows(
            con,
            "select source, table_name, load_id, kind, started_at, committed_at, rows_read, "
            "rows_loaded, rows_quarantined, rows_deduplicated, rows_vanished, cursor_to, "
            "code_version, rows_read = rows_loaded + rows_quarantined + rows_deduplicated "
            "as ledger_holds from ops.loads order by load_id",
        )
        quarantine = _rows(
            con,
            "select source, table_name, reason_code, status, count(*) as rows "
            "from ops.quarantine group by all order by all",
        )
    newest = {
        (load["source"], load["table_name"]): load for load in loads if load["kind"] != "replay"
    }
    rejected: dict[tuple[str, str], int] = {}
    for line in quarantine:
        if line["status"] == "open":
            key = (line["source"], line["table_name"])
            rejected[key] = rejected.get(key, 0) + line["rows"]
    published = current_publication(registry.settings.published_dir)
    return {
        "ledger_holds": all(load["ledger_holds"] for load in loads),
        "tables": [
            {
                "source": contract.source,
                "table": contract.name,
                "last_load": newest.get((contract.source, contract.name)),
                "in_quarantine": rejected.get((contract.source, contract.name), 0),
            }
            for contract in registry.contracts.values()
        ],
        "loads": loads,
        "quarantine": quarantine,
        "published": asdict(published[1]) if published else None,
    }


def _rows(con: Any, sql: str) -> list[dict[str, Any]]:
    cursor = con.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def to_json(state: dict[str, Any]) -> str:
    """The state as JSON; instants as ISO 8601."""
    return json.dumps(state, indent=1, default=str)
