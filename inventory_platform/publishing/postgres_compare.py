"""Whether a table holds what was published: fingerprints, counts and sums, part by part.

A part is a month of the table's date, or all of it. Fingerprints tell what changed here since
the last time; counts and sums are made in both databases and tell whether rows arrived.
"""

from __future__ import annotations

import math
from decimal import Decimal

import duckdb

from inventory_platform.duck import identifier, literal
from inventory_platform.publishing.postgres_server import rows_of
from inventory_platform.publishing.postgres_tables import Table, measures

_ROUNDING = 1e-9

ALL = "all"
"""The one part of a mart without a date, or without rows."""


def fingerprints(
    con: duckdb.DuckDBPyConnection, table: Table, file: str
) -> tuple[dict[str, str], dict[str, int]]:
    """Part → fingerprint of its rows, whatever their order, and part → number of rows."""
    listed = ", ".join(identifier(c.name) for c in table.columns)
    counted = con.execute(
        f"select {_part_here(table)} as part, count(*) as rows, "
        f"sum(row_hash::hugeint) as total, bit_xor(row_hash) as mixed "
        f"from (select *, hash({listed}) as row_hash from {file}) group by 1"
    ).fetchall()
    prints = {part: f"{rows}:{total:x}:{mixed:x}" for part, rows, total, mixed in counted}
    rows = {part: int(rows) for part, rows, _, _ in counted}
    # A mart without rows is one empty part, so that it is known to be there.
    return prints or {ALL: "0"}, rows or {ALL: 0}


Measured = dict[str, list[str | None]]
"""Part → number of rows, then each measure, as text; and after those the scales."""


def measured_here(con: duckdb.DuckDBPyConnection, table: Table, file: str) -> Measured:
    """Count and sum what was published."""
    wanted = measures(table.columns)
    scales = [m.scale for m in wanted if m.scale]
    listed = ", ".join(
        f"({sql})::varchar" for sql in ["count(*)", *(m.here for m in wanted), *scales]
    )
    sql = f"select {_part_here(table)} as part, {listed} from {file} group by 1"
    return {part: list(values) for part, *values in con.execute(sql).fetchall()}


def measured_there(con: duckdb.DuckDBPyConnection, table: Table) -> Measured:
    """Count and sum what the table holds."""
    wanted = measures(table.columns)
    part = f"to_char({identifier(table.date)}, 'YYYY-MM')" if table.date else literal(ALL)
    listed = ", ".join(["count(*)", *(m.there for m in wanted)])
    sql = f"select {part}, {listed} from {table.relation} group by 1"
    return {part: list(values) for part, *values in rows_of(con, len(wanted) + 2, sql)}


def differences(table: Table, part: str, here: Measured, there: Measured) -> list[str]:
    """What does not agree in a part, in words; nothing if all does."""
    wanted = measures(table.columns)
    ours, theirs = here.get(part), there.get(part)
    if ours is None or theirs is None:
        if ours is None and theirs is None:
            return []
        side = "only here" if theirs is None else "only there"
        return [f"rows of {part} are {side}"]
    found = []
    if ours[0] != theirs[0]:
        found.append(f"rows of {part}: {theirs[0]} instead of {ours[0]}")
    scales = iter(ours[1 + len(wanted) :])
    for measure, mine, other in zip(wanted, ours[1 : 1 + len(wanted)], theirs[1:], strict=True):
        scale = next(scales) if measure.scale else None
        if not _is_same(mine, other, scale):
            found.append(f"{measure.what} of {part}: {other} instead of {mine}")
    return found


def _is_same(mine: str | None, other: str | None, scale: str | None) -> bool:
    if mine is None or other is None:
        return mine is other
    if scale is None:
        return Decimal(mine) == Decimal(other)
    a, b = float(mine), float(other)
    if not (math.isfinite(a) and math.isfinite(b)):
        return a == b or (math.isnan(a) and math.isnan(b))
    return abs(a - b) <= _ROUNDING * max(float(scale), 1e-300)


def _part_here(table: Table) -> str:
    return f"strftime({identifier(table.date)}, '%Y-%m')" if table.date else literal(ALL)
