"""What a rule is, and how rules become checks on the graph.

A rule is a named function from an open warehouse to a verdict. Rules on the same asset run
in one step over one connection, since opening a step costs more than most rules.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import dagster as dg
import duckdb

from asset_checks.thresholds import THRESHOLDS
from inventory_platform.assets.dbt_graph import read_graph
from inventory_platform.assets.raw import POOL
from inventory_platform.registry import Registry
from inventory_platform.warehouse import Warehouse


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


def build_asset_checks(
    registry: Registry, models: Iterable[dg.AssetKey]
) -> list[dg.AssetChecksDefinition]:
    """All rules as Dagster checks, one step per asset.

    Args:
        registry: The tables that are loaded.
        models: The dbt models that exist; rules on others are left out.
    """
    from asset_checks import (
        anomalies,
        completeness,
        contracts,
        reconciliation,
        references,
        stock,
        volume,
    )

    known = set(models)
    rules = [
        *contracts.rules(registry),
        *reconciliation.rules(registry),
        *references.rules(registry),
        *volume.rules(registry),
        *stock.rules(),
        *completeness.rules(registry, read_graph(registry.settings)),
        *anomalies.rules(),
    ]
    raw = {dg.AssetKey(["raw", relation]) for relation in registry.contracts}
    usable = [r for r in rules if {r.asset, *r.needs} <= known | raw]
    ordered = sorted(usable, key=lambda r: r.asset.to_user_string())
    return [
        _checks_of(asset, list(group)) for asset, group in groupby(ordered, key=lambda r: r.asset)
    ]


def _checks_of(asset: dg.AssetKey, rules: Sequence[Rule]) -> dg.AssetChecksDefinition:
    by_name = {rule.name: rule for rule in rules}

    @dg.multi_asset_check(
        name="check_" + "__".join(asset.path),
        specs=[
            dg.AssetCheckSpec(
                name=rule.name,
                asset=asset,
                description=rule.description,
                blocking=rule.blocking,
                additional_deps=[key for key in rule.needs if key != asset],
            )
            for rule in rules
        ],
        can_subset=True,
        pool=POOL,
    )
    def run(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        with warehouse.connect() as con:
            for key in sorted(context.selected_asset_check_keys, key=lambda k: k.name):
                yield to_result(by_name[key.name], by_name[key.name].evaluate(con))

    return run


def to_result(rule: Rule, verdict: Verdict) -> dg.AssetCheckResult:
    """A verdict as Dagster shows it."""
    return dg.AssetCheckResult(
        asset_key=rule.asset,
        check_name=rule.name,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.WARN if verdict.warn else dg.AssetCheckSeverity.ERROR,
        description=verdict.summary,
        metadata=dict(verdict.metadata),
    )


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
