"""Synapse dedicated pools and Fabric warehouses: files are staged in ADLS and copied from there.

By Microsoft's documentation; never run against either. The driver is SQL Server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inventory_platform.duck import literal
from inventory_platform.object_storage import open_folder
from inventory_platform.publishing.cloud import Dialect, decimal_of, driver, run

_TYPES = {
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "FLOAT": "real",
    "DOUBLE": "float",
    "BOOLEAN": "bit",
    "DATE": "date",
    "TIMESTAMP": "datetime2(6)",
}
_TEXT = {"synapse": "nvarchar(4000)", "fabric": "varchar(8000)"}
"""What a text may hold at most; a longer one stops the load."""


class Synapse(Dialect):
    """One schema of one pool or warehouse.

    Args:
        kind: `synapse` or `fabric`.
        host: The server.
        user: Who loads; with no one, the environment's Entra identity.
        password: The password, if one is needed.
        database: The database.
        schema: The schema, which must be there.
        stage: Folder in ADLS that both sides reach, `abfss://container@account…/path`.
    """

    real = "float"
    # Its length of a text leaves out blanks at the end.
    length = ""

    def __init__(
        self,
        kind: str,
        host: str,
        user: str,
        password: str,
        database: str,
        schema: str,
        stage: str,
    ) -> None:
        self.kind = kind
        self.where = f"{host}/{database}, schema {schema}"
        self.text = _TEXT[kind]
        words = {"Server": host, "Database": database, "Encrypt": "yes"}
        if user:
            words |= {"UID": user, "PWD": password}
        else:
            words["Authentication"] = "ActiveDirectoryDefault"
        self._words = words
        self._schema = schema
        self._stage = stage

    def connect(self) -> Any:
        """A connection whose statements commit by themselves."""
        words = ";".join(f"{k}={{{v.replace('}', '}}')}}}" for k, v in self._words.items())
        return driver("mssql_python", "sqlserver").connect(words, autocommit=True)

    def failures(self) -> tuple[tuple[type[BaseException], ...], tuple[type[BaseException], ...]]:
        """Errors that may pass, and all errors of the driver and of the storage."""
        module = driver("mssql_python", "sqlserver")
        return (module.OperationalError, OSError), (module.Error, OSError)

    def column_type(self, kind: str) -> str | None:
        """The type that holds every value of a DuckDB type."""
        if kind.startswith("DECIMAL"):
            return "decimal({},{})".format(*decimal_of(kind))
        return self.text if kind == "VARCHAR" else _TYPES.get(kind)

    def quote(self, name: str) -> str:
        """A name of a column."""
        return "[" + name.replace("]", "]]") + "]"

    def relation(self, name: str) -> str:
        """A table or view of the schema."""
        return f"{self.quote(self._schema)}.{self.quote(name)}"

    def create(self, table: str, columns: Mapping[str, str]) -> list[str]:
        """Statements that make an empty table in place of what has its name."""
        relation = self.relation(table)
        return [
            f"if object_id({literal(relation)}, 'U') is not null drop table {relation}",
            f"create table {relation} ({self.listed(columns)})",
        ]

    def create_missing(self, table: str, columns: Mapping[str, str]) -> str:
        """The statement that makes a table where there is none."""
        relation = self.relation(table)
        made = f"create table {relation} ({self.listed(columns)})"
        return f"if object_id({literal(relation)}, 'U') is null {made}"

    def load(self, connection: Any, table: str, columns: Mapping[str, str], file: Path) -> None:
        """Put a file into the stage, COPY it, and remove it there."""
        folder = open_folder(self._stage, "Stage")
        name = f"inventory/{table}.parquet"
        folder.fs.put_file(str(file), folder.path(name))
        try:
            listed = ", ".join(map(self.quote, columns))
            # Fabric reads as the login itself; a pool as its own identity.
            identity = ", credential = (identity = 'Managed Identity')"
            run(
                connection,
                f"copy into {self.relation(table)} ({listed}) "
                f"from {literal(f'{_https(self._stage)}/{name}')} "
                f"with (file_type = 'PARQUET'{identity if self.kind == 'synapse' else ''})",
            )
        finally:
            folder.fs.rm_file(folder.path(name))

    def show(self, view: str, table: str) -> str:
        """The statement that makes a view show a table; who may read it stays."""
        name = self.relation(view)
        select = f"view {name} as select * from {self.relation(table)}"
        return (
            f"if object_id({literal(name)}, 'V') is null exec({literal(f'create {select}')}) "
            f"else exec({literal(f'alter {select}')})"
        )


def _https(stage: str) -> str:
    """The address COPY takes, of one that begins with abfss://container@account."""
    parts = urlsplit(stage)
    return f"https://{parts.hostname}/{parts.username}{parts.path.rstrip('/')}"
