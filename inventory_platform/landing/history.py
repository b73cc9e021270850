"""Files of earlier loads, read by the contract of today.

A file keeps the types it was written with, while a contract may say another one by now: text
that nobody had declared is a date, a number is whole. Such files are read apart from the others
and by the contract's own rules, as if the source offered these types; a value that does not fit
is null and never rounded, cut or guessed. Files whose types are the contract's are read plainly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import duckdb

from inventory_platform.contracts.base import Column, TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import ContractError
from inventory_platform.landing.compiler import Drift, Reading, reading

_Shape = tuple[tuple[str, str], ...]
"""Declared columns that a file holds in another type, each with that type."""


def rows_as_declared(
    con: duckdb.DuckDBPyConnection,
    contract: TableContract,
    files: Sequence[str],
    *,
    options: str = "",
) -> str:
    """SQL of the rows of committed files, their declared columns as the contract types them.

    Args:
        con: A connection of `duck.connect`, which finds the files.
        contract: The table.
        files: At least one file, as SQL names it.
        options: More options of `read_parquet`.
    """
    return " union all by name ".join(
        _converted(contract, shape, parquet(*its, by_name=True, options=options))
        for shape, its in _by_shape(con, contract, files).items()
    )


def misfits(
    con: duckdb.DuckDBPyConnection, contract: TableContract, files: Sequence[str]
) -> list[Drift]:
    """Tell the values in committed files that do not fit the contract's types any more.

    Raises:
        ContractError: One of them is in a column that must not be empty.
    """
    found: list[Drift] = []
    for shape, its in _by_shape(con, contract, files).items() if files else ():
        for name, kind in shape:
            column = contract.by_name[name]
            read = reading(column, kind)
            rows = _read({name: read}, ((name, kind),), parquet(*its, by_name=True))
            count, example = con.execute(
                f"select count(*), min({read.complaint}) from ({rows}) where {read.is_refused}"
            ).fetchall()[0]
            if count:
                found.append(_told(contract, column, kind, count, example))
    return found


def _told(contract: TableContract, column: Column, kind: str, count: int, example: str) -> Drift:
    values = f"{count} value{'s' if count > 1 else ''} of earlier loads"
    if column.nullable:
        return Drift("retyped", column.source, f"{values}, {kind}, read as empty: {example}")
    raise ContractError(
        f"Contract {contract.relation}: column {column.name!r} is {column.type} now, which "
        f"{values}, {kind}, do not fit: {example}.",
        "Keep the old type, perhaps under the old name beside a new column; allow the column to "
        "be empty; or begin the table's history anew by moving its folders "
        f"`{contract.source}/{contract.name}` below `raw`, `quarantine` and `loads` out of the "
        "lake. Nothing was loaded; the last good state stays.",
    )


def _by_shape(
    con: duckdb.DuckDBPyConnection, contract: TableContract, files: Sequence[str]
) -> dict[_Shape, list[str]]:
    """The files by what they hold in another type than declared; mostly nothing."""
    declared = ", ".join(
        f"({literal(c.name.lower())}, {literal(c.type)})" for c in contract.columns
    )
    names = ", ".join(literal(c.name.lower()) for c in contract.columns)
    found = con.execute(
        "select parse_filename(file_name), lower(name), duckdb_type "
        f"from parquet_schema([{', '.join(map(literal, files))}]) where num_children is null and "
        f"lower(name) in ({names}) and (lower(name), duckdb_type) not in ({declared}) order by all"
    ).fetchall()
    by_name = {c.name.lower(): c.name for c in contract.columns}
    shapes: dict[str, _Shape] = {}
    for file, name, kind in found:
        shapes[file] = (*shapes.get(file, ()), (by_name[name], kind))
    by_shape: dict[_Shape, list[str]] = {}
    for file in files:
        by_shape.setdefault(shapes.get(PurePosixPath(file).name, ()), []).append(file)
    return by_shape


def _converted(contract: TableContract, shape: _Shape, rows: str) -> str:
    if not shape:
        return f"from {rows}"
    readings = {name: reading(contract.by_name[name], kind) for name, kind in shape}
    helpers = ", ".join(
        identifier(n) for read in readings.values() for n in read.columns if n not in readings
    )
    fitting = ", ".join(
        f"case when {read.is_refused} then null else {identifier(name)} end as {identifier(name)}"
        for name, read in readings.items()
    )
    return f"select * exclude ({helpers}) replace ({fitting}) from ({_read(readings, shape, rows)})"


def _read(readings: Mapping[str, Reading], shape: _Shape, rows: str) -> str:
    """SQL of the rows with what the readings need beside each value."""
    stored = ", ".join(identifier(name) for name, _ in shape)
    columns = ", ".join(
        f"{sql} as {identifier(name)}"
        for read in readings.values()
        for name, sql in read.columns.items()
    )
    offered = ", ".join(f"{readings[name].offered} as {identifier(name)}" for name, _ in shape)
    return f"select * exclude ({stored}), {columns} from (select * replace ({offered}) from {rows})"
