"""What a contract promises, seen in the loaded table: shape, values, rejected share, drift."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial

import dagster as dg
import duckdb
from pandera.errors import SchemaErrors, SchemaWarning

from asset_checks.base import Rule, Verdict, listing, scalar
from asset_checks.thresholds import THRESHOLDS
from inventory_platform.assets.raw import raw_key
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import columns_of, identifier, literal
from inventory_platform.landing.compiler import warning_conditions
from inventory_platform.registry import Registry


def rules(registry: Registry) -> Iterator[Rule]:
    """The contract's rules for every table."""
    limit = registry.settings.quarantine_error_rate
    for contract in registry.contracts.values():
        yield Rule(
            asset=raw_key(contract),
            name="contract",
            description=(
                "The table has the contract's columns and types, and a sample of the newest "
                "load passes the pandera model itself."
            ),
            evaluate=partial(check_contract, contract=contract),
            blocking=True,
        )
        yield Rule(
            asset=raw_key(contract),
            name="quarantine_rate",
            description=f"At most {limit:.0%} of the rows are in quarantine, a handful aside.",
            evaluate=partial(check_quarantine_rate, contract=contract, limit=limit),
            blocking=True,
        )
        yield Rule(
            asset=raw_key(contract),
            name="drift",
            description=(
                "The source offers the declared columns and values. New columns and new values "
                "are kept and told here."
            ),
            evaluate=partial(check_drift, contract=contract),
        )


def check_contract(con: duckdb.DuckDBPyConnection, contract: TableContract) -> Verdict:
    """Compare shape and a sample of the newest load with the pandera model."""
    offered = columns_of(con, f"select * from {contract.clear_relation}")
    wrong = [
        f"{c.name} is {offered.get(c.name, 'missing')}, declared {c.type}"
        for c in contract.columns
        if offered.get(c.name) != c.type
    ]
    if wrong:
        return Verdict(False, f"Columns differ from the contract: {'; '.join(wrong)}.")
    names = ", ".join(identifier(c.name) for c in contract.columns)
    frame = con.sql(
        f"select {names} from {contract.clear_relation} where _load_id = "
        f"(select max(_load_id) from {contract.clear_relation}) and not _is_deleted "
        f"limit {THRESHOLDS.sample_rows}"
    ).pl()
    facts = {"columns": len(contract.columns), "sampled_rows": frame.height}
    try:
        with warnings.catch_warnings():
            # Rules that only warn are told by `drift`.
            warnings.simplefilter("ignore", SchemaWarning)
            # Eager on purpose: on a lazy frame pandera looks at the schema only.
            contract.model.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.head(THRESHOLDS.listed)
        failures = "\n".join(f"- {row['column']}: {row['check']}" for row in cases.to_dicts())
        return Verdict(
            False,
            f"{error.failure_cases.height} values of the newest load break the contract.",
            facts | {"failures": dg.MetadataValue.md(failures)},
        )
    return Verdict(True, f"{frame.height} rows of the newest load pass the contract.", facts)


def check_quarantine_rate(
    con: duckdb.DuckDBPyConnection, contract: TableContract, limit: float
) -> Verdict:
    """Compare the open quarantined rows with all rows of the table."""
    where = (
        f"source = {literal(contract.source)} and table_name = {literal(contract.name)} "
        "and status = 'open'"
    )
    rejected = int(scalar(con, f"select count(*) from ops.quarantine where {where}"))
    kept = int(scalar(con, f"select count(*) from raw.{contract.relation}"))
    rate = rejected / (rejected + kept) if rejected + kept else 0.0
    return Verdict(
        rate <= limit or rejected < THRESHOLDS.quarantine_min_rows,
        f"{rejected} of {rejected + kept} rows ({rate:.2%}) are in quarantine.",
        {
            "quarantined": rejected,
            "rate": rate,
            "reasons": listing(
                con,
                "select reason_code, count(*) as rows, min(reason) as example "
                f"from ops.quarantine where {where} group by reason_code order by rows desc",
            ),
        },
    )


def check_drift(con: duckdb.DuckDBPyConnection, contract: TableContract) -> Verdict:
    """Tell differences of shape in the newest load and values no rule knows yet."""
    found = con.execute(
        "select drift from ops.loads where source = ? and table_name = ? and kind <> 'replay' "
        "order by load_id desc limit 1",
        [contract.source, contract.name],
    ).fetchone()
    notes = list(found[0]) if found and found[0] else []
    for column, condition in warning_conditions(contract).items():
        values = con.execute(
            f"select {identifier(column)}, count(*) from {contract.clear_relation} "
            f"where not _is_deleted and {condition} group by all order by 2 desc limit 10"
        ).fetchall()
        hidden = contract.by_name[column].personal
        notes += [
            f"new value in {column}: {'personal data' if hidden else repr(value)} in {count} rows"
            for value, count in values
        ]
    listed = "\n".join(f"- {note}" for note in notes)
    return Verdict(
        not notes,
        "; ".join(notes) if notes else "The source is as declared.",
        {"differences": dg.MetadataValue.md(listed)} if notes else {},
        warn=True,
    )
