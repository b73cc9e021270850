"""How all rules become checks on the graph.

Rules on the same asset run in one step over one connection, since opening a step costs more
than most rules.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import dagster as dg

from asset_checks import (
    anomalies,
    completeness,
    contracts,
    reconciliation,
    references,
    stock,
    volume,
)
from asset_checks.base import Rule, Verdict
from inventory_platform.assets.dbt_graph import read_graph
from inventory_platform.assets.raw import POOL
from inventory_platform.registry import Registry
from inventory_platform.warehouse import Warehouse


def build_asset_checks(
    registry: Registry, models: Iterable[dg.AssetKey]
) -> list[dg.AssetChecksDefinition]:
    """All rules as Dagster checks, one step per asset.

    Args:
        registry: The tables that are loaded.
        models: The dbt models that exist; rules on others are left out.
    """
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
