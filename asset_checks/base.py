"""What a rule is: a named function from an open warehouse to a verdict.

Rules themselves are in the modules of their concern, and become checks in `assemble.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb

from asset_checks.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Verdict:
    """Outcome of a rule.

    Attributes:
        passed: Whether the rule holds.
        summary: One sentence with the numbers.
        metadata: Facts shown beside it; lists of rows as Markdown tables.
        warn: Whether a failure only warns.
    """

    passed: bool
    summary: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warn: bool = False


@dataclass(frozen=True)
class Rule:
    """A data-quality rule on one asset.

    Attributes:
        asset: The asset it is shown on.
        name: Name of the check.
        description: What must hold, and why.
        evaluate: Judges the warehouse.
        blocking: Whether a failure stops everything downstream.
        needs: Further assets the rule reads.
    """

    asset: dg.AssetKey
    name: str
    description: str
    evaluate: Callable[[duckdb.DuckDBPyConnection], Verdict]
    blocking: bool = False
    needs: Sequence[dg.AssetKey] = ()


def scalar(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The one value a query yields."""
    row = con.execute(sql).fetchone()
    return row[0] if row else None


def listing(
    con: duckdb.DuckDBPyConnection, sql: str, limit: int = THRESHOLDS.listed
) -> dg.MarkdownMetadataValue:
    """The first rows of a query as a Markdown table."""
    cursor = con.execute(f"select * from ({sql}) limit {limit}")
    names = [d[0] for d in cursor.description or []]
    rows = cursor.fetchall()
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(v) for v in row) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
