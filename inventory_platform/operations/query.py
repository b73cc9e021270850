"""Read-only SQL over the last good state, also while a pipeline is running.

Nothing here opens the warehouse: `raw` and `ops` are views over the lake's committed files,
`marts` over the published version; the published history of operations is in `ops` too. The
statement must be a query; the connection reaches no file outside those folders and no network,
its configuration is locked, and memory, disk and time have limits. `docs/security.md` says what
that keeps out and what it does not.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.operations.retention import require_history
from inventory_platform.pseudonyms import derived_key, give_key, pseudonym_key
from inventory_platform.publishing.parquet import current_publication, publication_of
from inventory_platform.settings import Settings

TABLE_FUNCTIONS = {
    *("generate_series", "range", "repeat", "unnest", "json_each", "json_tree"),
    *("histogram", "histogram_values", "icu_calendar_names", "pg_timezone_names"),
    *("duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_memory"),
    *("duckdb_schemas", "duckdb_settings", "duckdb_tables", "duckdb_types", "duckdb_views"),
    *("parquet_file_metadata", "parquet_kv_metadata", "parquet_metadata", "parquet_scan"),
    *("parquet_schema", "pragma_show", "pragma_table_info", "pragma_version", "read_parquet"),
}
"""What may stand in the place of a table: functions that only read, and only what is ours.

Others switch logging on into a file, carry out text that cannot be looked through, read an
address in memory, or end the process.
"""
_MOST_ON_DISK = "10GB"
"""What queries may spill; the rest of the disk belongs to the loads."""


_ANALYZE = re.compile(rb"(?i)analy[sz]e\b")


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
    with duck.connect(settings, keeps_secrets=False) as con:
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
                    f"from {parquet(folder / f'{mart}.parquet')}"
                )
        if operations := current_publication(settings.operations_dir):
            folder, history = operations
            for table in history.rows:
                con.execute(
                    f"create view ops.{identifier(table)} as "
                    f"from {parquet(folder / f'{table}.parquet')}"
                )
        shown = settings.published_dir
        folders = [lake.root, shown.resolve() if isinstance(shown, Path) else shown]
        allowed = ", ".join(literal(f"{folder}/") for folder in folders)
        con.execute(f"set allowed_directories = [{allowed}]")
        con.execute(f"set allowed_paths = [{', '.join(literal(str(path)) for path in writes)}]")
        for setting in (
            "allow_community_extensions = false",
            "autoload_known_extensions = false",
            f"max_temp_directory_size = {literal(_MOST_ON_DISK)}",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            con.execute(f"set {setting}")
        # DuckDB has no limit of time of its own.
        alarm = threading.Timer(settings.query_seconds, con.interrupt)
        alarm.daemon = True
        alarm.start()
        try:
            yield con
        except duckdb.InterruptException:
            raise _took_too_long() from None
        finally:
            alarm.cancel()
            alarm.join()


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
    statements = asked = con.extract_statements(sql)
    if [statement.type for statement in asked] == [duckdb.StatementType.EXPLAIN]:
        # EXPLAIN ANALYZE carries out what it explains, which may be a COPY into the lake.
        asked = con.extract_statements(_explained_part(asked[0].query))
    if [statement.type for statement in asked] != [duckdb.StatementType.SELECT]:
        raise QueryError(
            "Only one query at a time, and only queries: this connection changes nothing.",
            "Start the statement with `select`, `from`, `with`, `describe` or `explain`.",
        )
    row = con.execute("select json_serialize_sql(?)", [asked[0].query]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    unknown = sorted(set(_table_functions(tree)) - TABLE_FUNCTIONS)
    if tree["error"] or unknown:
        raise QueryError(
            f"A query may not use the function {unknown[0]}."
            if unknown
            else "This query is of a kind that cannot be looked through.",
            f"In `from` these can be used: {', '.join(sorted(TABLE_FUNCTIONS))}.",
        )
    return statements[0]


def _table_functions(tree: Any) -> Iterator[str]:
    """Names of the functions a parsed query has in the place of tables."""
    if isinstance(tree, dict):
        if tree.get("type") == "TABLE_FUNCTION":
            yield str(tree["function"].get("function_name", "")).lower()
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _table_functions(part)


def _explained_part(sql: str) -> str:
    """What stands behind `explain`, its `analyze` and its options in parentheses."""
    # The engine counts in bytes.
    text, depth = sql.encode(), 0
    for offset, _ in duckdb.tokenize(sql)[1:]:
        sign = text[offset : offset + 1]
        depth += sign == b"("
        if not depth and not _ANALYZE.match(text, offset):
            return text[offset:].decode()
        depth -= sign == b")"
    return ""


def _took_too_long() -> QueryError:
    return QueryError(
        "The query was stopped: it took too long.",
        "Ask for less at a time, or raise INVENTORY_QUERY_SECONDS.",
    )


@contextmanager
def explained() -> Iterator[None]:
    """Say of an error of the engine what it means for the query that is carried out meanwhile.

    Raises:
        QueryError: The engine could not carry it out; says why.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise _took_too_long() from None
    except duckdb.Error as error:
        raise QueryError(
            str(error), '`inventory query "show all tables"` lists what there is.'
        ) from error
