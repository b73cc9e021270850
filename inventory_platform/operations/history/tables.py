"""The columns of the history's tables: kept ones, and those made anew at each publication."""

from __future__ import annotations

from collections.abc import Mapping

RUNS = {
    "run_id": "VARCHAR",
    "job": "VARCHAR",
    "status": "VARCHAR",
    "started_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "seconds": "DOUBLE",
    "failed_steps": "BIGINT",
    "error": "VARCHAR",
    "updated_at": "TIMESTAMP",
}

STEPS = {
    "run_id": "VARCHAR",
    "step": "VARCHAR",
    "asset_group": "VARCHAR",
    "status": "VARCHAR",
    "started_at": "TIMESTAMP",
    "seconds": "DOUBLE",
    "error": "VARCHAR",
}

MATERIALIZATIONS = {
    "run_id": "VARCHAR",
    "step": "VARCHAR",
    "asset": "VARCHAR",
    "asset_group": "VARCHAR",
    "row_count": "BIGINT",
    "seconds": "DOUBLE",
    "materialized_at": "TIMESTAMP",
}

CHECKS = {
    "run_id": "VARCHAR",
    "asset": "VARCHAR",
    "check_name": "VARCHAR",
    "passed": "BOOLEAN",
    "severity": "VARCHAR",
    "is_blocking": "BOOLEAN",
    "description": "VARCHAR",
    "evaluated_at": "TIMESTAMP",
}

LOAD_HISTORY = {
    "source": "VARCHAR",
    "table_name": "VARCHAR",
    "load_id": "VARCHAR",
    "kind": "VARCHAR",
    "committed_at": "TIMESTAMP",
    "rows_read": "BIGINT",
    "rows_loaded": "BIGINT",
    "rows_quarantined": "BIGINT",
    "rows_deduplicated": "BIGINT",
    "rows_vanished": "BIGINT",
    "seconds": "DOUBLE",
}

SIZES = {
    "layer": "VARCHAR",
    "files": "BIGINT",
    "bytes": "BIGINT",
    "measured_at": "TIMESTAMP",
}

FRESHNESS = {
    "asset": "VARCHAR",
    "asset_group": "VARCHAR",
    "last_updated_at": "TIMESTAMP",
    "age_hours": "DOUBLE",
    "fresh_within_hours": "DOUBLE",
    "state": "VARCHAR",
}

QUARANTINED_ROWS = {
    "source": "VARCHAR",
    "table_name": "VARCHAR",
    "reason_code": "VARCHAR",
    "reason": "VARCHAR",
    "status": "VARCHAR",
    "load_id": "VARCHAR",
    "position": "BIGINT",
    "payload": "VARCHAR",
    "quarantined_at": "TIMESTAMP",
}

KEPT: Mapping[str, Mapping[str, str]] = {
    "runs": RUNS,
    "steps": STEPS,
    "materializations": MATERIALIZATIONS,
    "checks": CHECKS,
    "load_history": LOAD_HISTORY,
    "sizes": SIZES,
}

PUBLISHED = (*KEPT, "freshness", "quality_scores", "quarantined_rows")
