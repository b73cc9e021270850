"""The lake as SQL relations: one in `raw` per table, and ledger and quarantine in `ops`.

In `raw` pseudonyms stand for personal data; tables that have some are in `personal` once more, in
clear. Whoever reads `raw`, and all of dbt does, needs no rule of its own to keep them apart.

The same views serve the warehouse, which dbt builds in, and `inventory query`, which works
beside a running pipeline. They hold paths relative to the lake (`file_search_path`), so the
lake's folder may move, or addresses of object storage, and they name committed files only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import duckdb

from inventory_platform import pseudonyms
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.landing.history import rows_as_declared
from inventory_platform.landing.lake import Lake

_RECORD_TYPES = {
    "load_id": "VARCHAR",
    "source": "VARCHAR",
    "table_name": "VARCHAR",
    "kind": "VARCHAR",
    "address": "VARCHAR",
    "code_version": "VARCHAR",
    "contract_version": "VARCHAR",
    "started_at": "TIMESTAMP",
    "committed_at": "TIMESTAMP",
    "rows_read": "BIGINT",
    "rows_loaded": "BIGINT",
    "rows_quarantined": "BIGINT",
    "rows_deduplicated": "BIGINT",
    "rows_vanished": "BIGINT",
    "cursor_column": "VARCHAR",
    "cursor_from": "VARCHAR",
    "cursor_to": "VARCHAR",
    "cursor_spans": "VARCHAR[][]",
    "resume": "VARCHAR",
    "raw_file": "VARCHAR",
    "quarantine_file": "VARCHAR",
    "columns": "JSON",
    "drift": "VARCHAR[]",
    "inputs": "STRUCT(name VARCHAR, fingerprint VARCHAR, size BIGINT, problem VARCHAR)[]",
}

QUARANTINE_TYPES = {
    "reject_id": "VARCHAR",
    "event": "VARCHAR",
    "load_id": "VARCHAR",
    "source": "VARCHAR",
    "table_name": "VARCHAR",
    "happened_at": "TIMESTAMP",
    "origin": "VARCHAR",
    "position": "BIGINT",
    "reason_code": "VARCHAR",
    "reason": "VARCHAR",
    "payload": "VARCHAR",
}


def create_views(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    contracts: Iterable[TableContract],
    as_of: str | None = None,
    *,
    changed: TableContract | None = None,
    clear: bool = True,
) -> None:
    """Show the lake's committed state in the schemas `raw`, `personal` and `ops`.

    Args:
        con: A connection of `duck.connect`, which finds the lake's files.
        lake: The lake.
        contracts: The tables to show.
        as_of: Show the state after this load instead of the newest.
        changed: The one table whose raw view has to be made anew; views of other tables are
            made where there is none of this lake. Every view is made anew when omitted.
        clear: Show personal data in clear too, in the schema `personal`.
    """
    contracts = list(contracts)
    lake = lake.as_of_now()
    con.execute("create schema if not exists raw")
    con.execute("create schema if not exists ops")
    con.execute(f"create schema if not exists {pseudonyms.SCHEMA}")
    present = set() if changed is None else _views(con, lake)
    for macro in pseudonyms.MACROS:
        con.execute(macro)
    for contract in contracts:
        needed = {f"raw.{contract.relation}", contract.clear_relation}
        if contract == changed or not needed <= present:
            create_raw_view(con, lake, contract, as_of, clear=clear)
    _create_loads_view(con, lake, contracts, as_of)
    create_quarantine_view(con, lake, contracts, as_of)


def _views(con: duckdb.DuckDBPyConnection, lake: Lake) -> set[str]:
    """The views of tables there are, without those that read a lake at another address."""
    found = con.execute(
        "select schema_name || '.' || view_name from duckdb_views() "
        f"where schema_name in ('raw', '{pseudonyms.SCHEMA}') "
        "and (sql not like '%read_parquet%' or contains(sql, ?))",
        [f"'{lake.sql_path(lake.root / 'raw')}/"],
    ).fetchall()
    return {name for (name,) in found}


def create_raw_view(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: TableContract,
    as_of: str | None = None,
    *,
    clear: bool = True,
) -> None:
    """Show one table's raw rows, every version of each, as `raw.<source>__<table>`.

    Where the table has personal columns, these hold pseudonyms there, and
    `personal.<source>__<table>` shows the same rows in clear, if that is wanted.
    """
    relation = identifier(contract.relation)
    select = raw_select(con, lake, contract, as_of)
    if contract.personal_columns:
        rows = f"({select})"
        if clear:
            rows = f"{pseudonyms.SCHEMA}.{relation}"
            con.execute(f"create or replace view {rows} as {select}")
        # The values of a row without a key are its identity: there, two that differ stay two.
        macro = "pseudonym" if contract.key else "keyed_hash"
        hashed = ", ".join(
            f"{pseudonyms.SCHEMA}.{macro}({name}) as {name}"
            for name in (identifier(c.name) for c in contract.personal_columns)
        )
        select = f"select * replace ({hashed}) from {rows}"
    con.execute(f"create or replace view raw.{relation} as {select}")


def raw_select(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: TableContract,
    as_of: str | None = None,
    *,
    files: Sequence[str] | None = None,
) -> str:
    """SQL of every committed version of every row of a table, typed by its contract.

    Args:
        con: A connection of `duck.connect`, which finds the lake's files.
        lake: The lake.
        contract: The table.
        as_of: Leave out later loads than this one.
        files: Read these committed files only, as SQL names them.
    """
    types = {c.name: c.type for c in contract.columns} | metadata_types(contract)
    casts = ", ".join(
        f"cast({identifier(n)} as {kind}) as {identifier(n)}" for n, kind in types.items()
    )
    if files is None:
        files = lake.files("raw", contract, as_of)
    if not files:
        return empty_select(types)
    # The empty relation in front gives every column its place and lets files that were
    # written before a column existed be read beside newer ones.
    until = f" where _load_id <= {literal(as_of)}" if as_of else ""
    return (
        f"select * replace ({casts}) from ({empty_select(types)} union all by name "
        f"select * exclude (_reject, _sequence) from (select null as _reject, null as _sequence "
        f"where false union all by name {rows_as_declared(con, contract, files)})){until}"
    )


def metadata_types(contract: TableContract) -> dict[str, str]:
    """Name → type of the columns a load adds to a table's own."""
    counted = {} if contract.key else {"_occurrence": "BIGINT"}
    return {
        "_load_id": "VARCHAR",
        "_loaded_at": "TIMESTAMP",
        "_is_deleted": "BOOLEAN",
        **counted,
        "_position": "BIGINT",
        "_origin": "VARCHAR",
    }


def current_select(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: TableContract,
    as_of: str | None = None,
) -> str:
    """SQL of the newest version of each row of a table, vanished rows included.

    Given `as_of`, of those that load and earlier ones brought.
    """
    identity = ", ".join(identifier(n) for n in contract.identity)
    newest = f"{identifier(contract.cursor)} desc nulls last, " if contract.cursor else ""
    versions = raw_select(con, lake, contract, as_of)
    return (
        f"select * exclude (_version) from (select *, row_number() over (partition by {identity} "
        f"order by {newest}_load_id desc) as _version from ({versions})) where _version = 1"
    )


def _create_loads_view(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    contracts: list[TableContract],
    as_of: str | None,
) -> None:
    if any(lake.load_ids(c) for c in contracts):
        columns = ", ".join(f"{literal(n)}: {literal(k)}" for n, k in _RECORD_TYPES.items())
        until = f" where load_id <= {literal(as_of)}" if as_of else ""
        records = literal(lake.sql_path(lake.root / "loads/*/*/*.json"))
        select = f"select * from read_json({records}, columns = {{{columns}}}){until}"
    else:
        select = empty_select(_RECORD_TYPES)
    con.execute(f"create or replace view ops.loads as {select}")
    con.execute(
        "create or replace view ops.schema_versions as "
        "with shapes as (select source, table_name, load_id, committed_at, columns, drift, "
        "lag(cast(columns as varchar)) over (partition by source, table_name order by load_id) "
        "as before from ops.loads where kind <> 'replay'), "
        "changes as (select * from shapes where before is distinct from cast(columns as varchar)) "
        "select source, table_name, row_number() over (partition by source, table_name "
        "order by load_id) as version, load_id, committed_at as observed_at, columns, drift "
        "from changes"
    )
    con.execute(
        "create or replace view ops.inputs as select source, table_name, load_id, committed_at, "
        "unnest(inputs, recursive := true) from ops.loads"
    )


def create_quarantine_view(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    contracts: Iterable[TableContract],
    as_of: str | None = None,
) -> None:
    """Show every rejected row with its present state as `ops.quarantine`."""
    files = [f for c in contracts for f in lake.files("quarantine", c, as_of)]
    con.execute(f"create or replace view ops.quarantine as {quarantine_select(files, as_of)}")


def quarantine_select(files: list[str], as_of: str | None = None) -> str:
    """SQL of every rejected row of these files with its state now, or as of a load.

    The files hold events: a row is `rejected`, later perhaps `replayed` (accepted after a
    fix) or `superseded` (its key arrived by another way). `status` is the latest, with
    `open` for rows that are only rejected.
    """
    if not files:
        types = QUARANTINE_TYPES | {"status": "VARCHAR", "resolved_load_id": "VARCHAR"}
        del types["event"]
        return empty_select(types)
    until = f" where load_id <= {literal(as_of)}" if as_of else ""
    return (
        f"with events as ({empty_select(QUARANTINE_TYPES)} union all by name select * from "
        f"{parquet(*files, by_name=True)}{until}), "
        "resolved as (select reject_id, max_by(event, load_id) as status, "
        "max(load_id) as resolved_load_id from events where event <> 'rejected' group by all) "
        "select r.* exclude (event), coalesce(s.status, 'open') as status, s.resolved_load_id "
        "from events r left join resolved s using (reject_id) where r.event = 'rejected'"
    )


def empty_select(types: Mapping[str, str]) -> str:
    """SQL of no rows, with columns of these names and types."""
    columns = ", ".join(f"cast(null as {kind}) as {identifier(n)}" for n, kind in types.items())
    return f"select {columns} where false"
