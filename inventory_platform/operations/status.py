"""The state of the platform and what is to be done first.

Read from the lake, the published marts and the state of the last builds alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from inventory_platform.assets.build_state import read_build_state
from inventory_platform.operations.query import reader
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.registry import Registry

_PROPOSALS = "kpi_reorder_proposals"


def status(registry: Registry) -> dict[str, Any]:
    """Every table's newest load, every load's ledger line, quarantine and publication.

    Returns:
        `ledger_holds` (whether every load accounts for every row it read), `tables`,
        `loads`, `quarantine`, `published` and `months` of the big facts, ready for JSON.
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
        "months": asdict(read_build_state(registry.settings).months),
    }


def most_urgent_orders(registry: Registry, limit: int = 3) -> list[str]:
    """The most urgent published reorder proposals in words; none without their mart."""
    published = current_publication(registry.settings.published_dir)
    if published is None or _PROPOSALS not in published[1].rows:
        return []
    with reader(registry.settings, registry.relations) as con:
        rows = _rows(
            con,
            "select product_name, location_id, order_cost, reason "
            f"from marts.{_PROPOSALS} where decision = 'order' "
            f"order by urgency_rank asc nulls last, product_id asc, location_id asc limit {limit}",
        )
    return [_sentence(row) for row in rows]


def _sentence(row: dict[str, Any]) -> str:
    cost = f" ({row['order_cost']:,.2f})" if row["order_cost"] is not None else ""
    return f"{row['product_name']} to {row['location_id']}{cost}: {row['reason']}"


def _rows(con: Any, sql: str) -> list[dict[str, Any]]:
    cursor = con.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def to_json(state: dict[str, Any]) -> str:
    """The state as JSON; instants as ISO 8601."""
    return json.dumps(state, indent=1, default=str)
