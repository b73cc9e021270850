"""Snowflake: files are PUT to the user's own stage and copied from there.

By Snowflake's documentation and Python connector; never run against an account.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inventory_platform.duck import literal
from inventory_platform.publishing.cloud import Dialect, decimal_of, driver, run

_TYPES = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "number(38,0)"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"), "number(38,0)"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "double"),
    "BOOLEAN": "boolean",
    "VARCHAR": "varchar",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "BLOB": "binary",
}


class Snowflake(Dialect):
    """One schema of one Snowflake database.

    Args:
        account: The account's identifier.
        user: Who loads.
        password: The password or programmatic access token.
        database: The database.
        schema: The schema.
        options: `warehouse` and `role`.
    """

    kind = "snowflake"
    real = "double"
    length = "length"
    text = "varchar"

    def __init__(
        self,
        account: str,
        user: str,
        password: str,
        database: str,
        schema: str,
        options: Mapping[str, str],
    ) -> None:
        self.where = f"{account}/{database}, schema {schema}"
        self._login = {
            **options,
            "account": account,
            "user": user,
            "password": password,
            "database": database,
        }
        self._schema = schema

    def connect(self) -> Any:
        """A connection; its statements commit by themselves."""
        return driver("snowflake.connector", "snowflake").connect(**self._login)

    def failures(self) -> tuple[tuple[type[BaseException], ...], tuple[type[BaseException], ...]]:
        """Errors that may pass, and all errors of the driver."""
        connector = driver("snowflake.connector", "snowflake")
        return (connector.OperationalError,), (connector.Error,)

    def column_type(self, kind: str) -> str | None:
        """The type that holds every value of a DuckDB type."""
        if kind.startswith("DECIMAL"):
            return "number({},{})".format(*decimal_of(kind))
        return _TYPES.get(kind)

    def quote(self, name: str) -> str:
        """Upper case, which is what a name without quotes means there."""
        return '"' + name.upper().replace('"', '""') + '"'

    def relation(self, name: str) -> str:
        """A table or view of the schema."""
        return f"{self.quote(self._schema)}.{self.quote(name)}"

    def load(self, connection: Any, table: str, _columns: Mapping[str, str], file: Path) -> None:
        """PUT a file and COPY it."""
        stage = f"@~/inventory/{table}"
        source = literal(f"file://{file.as_posix()}")
        run(connection, f"put {source} {stage} auto_compress = false overwrite = true")
        run(
            connection,
            f"copy into {self.relation(table)} from {stage}/ "
            "file_format = (type = parquet use_logical_type = true) "
            "match_by_column_name = case_insensitive on_error = abort_statement "
            "force = true purge = true",
        )

    def show(self, view: str, table: str) -> str:
        """The statement that makes a view show a table; who may read it stays."""
        return (
            f"create or replace view {self.relation(view)} copy grants as "
            f"select * from {self.relation(table)}"
        )
