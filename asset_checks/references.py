"""Orphans: rows that point to a row which is not there. They are kept and listed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import duckdb

from asset_checks.base import Rule, Verdict, listing, scalar
from inventory_platform.assets.raw import raw_key
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier
from inventory_platform.registry import Registry


def rules(registry: Registry) -> Iterator[Rule]:
    """One rule for every reference a contract declares."""
    for contract in registry.contracts.values():
        for column, target in contract.references.items():
            table_name, _, target_column = target.partition(".")
            referred = registry.contracts[f"{contract.source}__{table_name}"]
            yield Rule(
                asset=raw_key(contract),
                name=f"orphans_{column}",
                description=f"Every {column} exists in {referred.name}.{target_column}.",
                evaluate=partial(
                    check_orphans,
                    contract=contract,
                    column=column,
                    referred=referred,
                    target_column=target_column,
                ),
                needs=[raw_key(referred)],
            )


def check_orphans(
    con: duckdb.DuckDBPyConnection,
    contract: TableContract,
    column: str,
    referred: TableContract,
    target_column: str,
) -> Verdict:
    """List rows whose reference is not in the referred table, now or ever."""
    name = identifier(column)
    identity = ", ".join(identifier(k) for k in contract.key) or "_position"
    orphans = (
        f"select distinct {name}, {identity} from raw.{contract.relation} where {name} is not null "
        f"and {name} not in (select {identifier(target_column)} from raw.{referred.relation} "
        f"where {identifier(target_column)} is not null)"
    )
    count = int(scalar(con, f"select count(*) from ({orphans})"))
    metadata: dict[str, Any] = {"orphans": count}
    if count:
        metadata["rows"] = listing(con, f"select * from ({orphans}) order by all")
    return Verdict(
        count == 0,
        f"{count} rows refer to a {referred.name} row that does not exist."
        if count
        else "No orphans.",
        metadata,
        warn=True,
    )
