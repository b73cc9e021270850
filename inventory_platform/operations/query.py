"""Read-only SQL over the last good state, also while a pipeline is running.

Nothing here opens the warehouse: `raw` and `ops` are views over the lake's committed files,
`marts` over the published version; the published history of operations is in `ops` too. The
statement must be a query, and the connection can
reach no file outside those folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal
from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.operations.retention import require_history
from inventory_platform.pseudonyms import derived_key, give_key, pseudonym_key
from inventory_platform.publishing.parquet import current_publication, publication_of
from inventory_platform.settings import Settings

_QUERIES = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


class QueryError(InventoryError):
    """A query is not one, or DuckDB cannot carry it out."""


@contextmanager
def reader(
    settings: Settings,
    contracts: Mapping[str, TableContract],
    writes: Sequence[Path] = (),
    *,
    as_of: str | None = None,
    version: str | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees `raw`, `ops` and `marts` and can change nothing.

    Args:
        settings: Where the lake and the published marts are.
        contracts: What is in `raw`.
        writes: Files that the caller, not a query, will write over the connection.
        as_of: Show `raw` and `ops` as they were after this load, and no marts.
        version: Show the marts of this published version instead of the current one.

    Raises:
        PublishError: There is no such version any more.
        RetentionError: Rows of that state were removed since.
    """
    if as_of:
        require_history(settings, as_of)
    with duck.connect(settings) as con:
        lake = Lake.of(settings, absolute=True)
        create_views(con, lake, contracts.values(), as_of, clear=False)
        # A query could print the key it is given: it gets one that opens nothing else.
        give_key(con, derived_key(pseudonym_key(settings), "query"))
        con.execute("create schema marts")
        if version:
            published = [publication_of(settings.published_dir, version)]
        else:
            roots = () if as_of else (settings.published_dir, settings.live_dir)
            published = [found for root in roots if (found := current_publication(root))]
        # Marts behind a stream are published by themselves too: the newer of both is shown.
        for folder, publication in sorted(published, key=lambda found: found[1].version):
            for mart in publication.rows:
                con.execute(
                    f"create or replace view marts.{identifier(mart)} as "
                    f"from read_parquet({literal(str(folder / f'{mart}.parquet'))})"
                )
        if operations := current_publication(settings.operations_dir):
            folder, history = operations
            for table in history.rows:
                con.execute(
                    f"create view ops.{identifier(table)} as "
                    f"from read_parquet({literal(str(folder / f'{table}.parquet'))})"
                )
        shown = settings.published_dir
        folders = [lake.root, shown.resolve() if isinstance(shown, Path) else shown]
        allowed = ", ".join(literal(f"{folder}/") for folder in folders)
        con.execute(f"set allowed_directories = [{allowed}]")
        con.execute(f"set allowed_paths = [{', '.join(literal(str(path)) for path in writes)}]")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        yield con


def query(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    """Run one query over a reader's connection.

    Raises:
        QueryError: The text is not exactly one query, or it fails; says why.
    """
    with explained():
        return con.execute(_one_query(con, sql))


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    """The rows of one query over a reader's connection, not fetched yet.

    Raises:
        QueryError: The text is not exactly one query, or it cannot be understood; says why.
    """
    with explained():
        rows = con.sql(_one_query(con, sql).query)
        if rows is None:
            raise QueryError("The query has no rows to write.", "Start it with `select` or `from`.")
        return rows


def _one_query(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    statements = con.extract_statements(sql)
    if len(statements) != 1 or statements[0].type not in _QUERIES:
        raise QueryError(
            "Only one query at a time, and only queries: this connection changes nothing.",
            "Start the statement with `select`, `from`, `with`, `describe` or `explain`.",
        )
    return statements[0]


@contextmanager
def explained() -> Iterator[None]:
    """Say of an error of the engine what it means for the query that is carried out meanwhile.

    Raises:
        QueryError: The engine could not carry it out; says why.
    """
    try:
        yield
    except duckdb.Error as error:
        raise QueryError(
            str(error), '`inventory query "show all tables"` lists what there is.'
        ) from error
