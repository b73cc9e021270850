"""DuckDB connections the platform works with: limits, time zone, extensions, object storage.

Every connection is opened here, so that memory, spilling, offline extensions and credentials
are set in one place. What is done over a connection belongs to the callers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import duckdb_extensions

from inventory_platform.errors import InventoryError, SettingsError
from inventory_platform.object_storage import duckdb_access, open_path
from inventory_platform.settings import Settings

WHOLE_NUMBERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
)
"""Types whose every value is also one of BIGINT."""


@contextmanager
def connect(
    settings: Settings,
    database: Path | None = None,
    *,
    read_only: bool = False,
    keeps_secrets: bool = True,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection and close it whatever happens.

    Args:
        settings: Memory, threads and folders.
        database: A DuckDB file, or None for a connection without a file.
        read_only: Open the file without the right to write.
        keeps_secrets: Whether there may be secrets in files; attaching Postgres asks for them.
    """
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(
        str(database) if database else ":memory:",
        read_only=read_only,
        config={
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(settings.temp_dir / "spill"),
            "extension_directory": str(settings.extension_dir),
            "autoinstall_known_extensions": False,
            "allow_persistent_secrets": keeps_secrets,
            "preserve_insertion_order": False,
        },
    )
    try:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"set file_search_path = {literal(str(settings.lake_dir))}")
        for address in {settings.lake_address, settings.published_address} - {""}:
            open_storage(con, address)
        yield con
    finally:
        con.close()


def open_storage(con: duckdb.DuckDBPyConnection, address: str) -> None:
    """Let a connection read and write object storage, with the credentials of the environment.

    They are kept in memory, as long as the database is open, and never in a file.

    Raises:
        InventoryError: The extension is not installed, or a credential is missing or refused.
    """
    access = duckdb_access(open_path(address, "Object storage"))
    load_extension(con, access.extension)
    options = ", ".join(f"{name} {literal(value)}" for name, value in access.options.items())
    try:
        con.execute(
            f"create or replace temporary secret inventory_{access.extension} "
            f"({options}, scope {literal(access.scope)})"
        )
    except duckdb.Error:
        # DuckDB's message shows the statement, and so the secret.
        raise SettingsError(
            f"DuckDB does not take the credentials for {access.scope}.",
            "Check the variables of docs/object-storage.md: one of them is not written as its "
            "cloud writes it.",
        ) from None


def load_extension(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension, from its wheel on first use, without the network.

    Raises:
        InventoryError: The wheel of the extension is not installed.
    """
    try:
        con.load_extension(name)
    except duckdb.IOException:
        try:
            duckdb_extensions.import_extension(name, con=con)
        except (ImportError, KeyError, OSError) as error:
            wheel = name.replace("_", "-")
            raise InventoryError(
                f"DuckDB's extension {name!r} is not installed.",
                f"Install the package duckdb-extension-{wheel} of DuckDB's own version.",
            ) from error
        con.load_extension(name)


def parquet(*files: object, by_name: bool = False, options: str = "") -> str:
    """Parquet files as a relation of SQL.

    Args:
        files: Paths or patterns; at least one.
        by_name: Whether columns that some files lack are null there, instead of an error.
        options: More options of `read_parquet`, such as `filename = true`.
    """
    listed = ", ".join(literal(str(file)) for file in files)
    union = ", union_by_name = true" if by_name else ""
    more = f", {options}" if options else ""
    # A folder called `a=b` is no column, wherever people keep their data.
    return f"read_parquet([{listed}], hive_partitioning = false{union}{more})"


def columns_of(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Column names and DuckDB types a SELECT yields, without reading rows."""
    return {name: str(kind) for name, kind, *_ in con.execute(f"describe {sql}").fetchall()}


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a text for SQL."""
    return "'" + value.replace("'", "''") + "'"
