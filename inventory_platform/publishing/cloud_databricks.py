"""Databricks: files are PUT to a volume of Unity Catalog and copied from there.

By Databricks' documentation and Python connector; never run against a workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inventory_platform.duck import literal
from inventory_platform.publishing.cloud import Dialect, decimal_of, driver, run

_TYPES = {
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "BLOB": "binary",
}


class Databricks(Dialect):
    """One schema of one catalog.

    Args:
        host: The workspace's host.
        http_path: Path of the SQL warehouse.
        token: An access token.
        catalog: The catalog.
        schema: The schema.
        stage: Folder of a volume, `/Volumes/<catalog>/<schema>/<volume>`.
    """

    kind = "databricks"
    real = "double"
    length = "char_length"
    text = "string"

    def __init__(
        self, host: str, http_path: str, token: str, catalog: str, schema: str, stage: str
    ) -> None:
        self.where = f"{host}/{catalog}, schema {schema}"
        self._host = host
        self._http_path = http_path
        self._token = token
        self._catalog = catalog
        self._schema = schema
        self._stage = stage

    def connect(self) -> Any:
        """A connection that may send files of this machine."""
        return driver("databricks.sql", "databricks").connect(
            server_hostname=self._host,
            http_path=self._http_path,
            access_token=self._token,
            staging_allowed_local_path="/",
        )

    def failures(self) -> tuple[tuple[type[BaseException], ...], tuple[type[BaseException], ...]]:
        """Errors that may pass, and all errors of the driver."""
        errors = driver("databricks.sql.exc", "databricks")
        return (errors.OperationalError, errors.RequestError), (errors.Error,)

    def column_type(self, kind: str) -> str | None:
        """The type that holds every value of a DuckDB type."""
        if kind.startswith("DECIMAL"):
            return "decimal({},{})".format(*decimal_of(kind))
        return _TYPES.get(kind)

    def quote(self, name: str) -> str:
        """A name of a column."""
        return "`" + name.replace("`", "``") + "`"

    def relation(self, name: str) -> str:
        """A table or view of the schema."""
        return ".".join(map(self.quote, (self._catalog, self._schema, name)))

    def load(self, connection: Any, table: str, columns: Mapping[str, str], file: Path) -> None:
        """PUT a file into the volume, COPY it, and remove it there."""
        staged = literal(f"{self._stage}/inventory/{table}.parquet")
        listed = ", ".join(
            f"cast({self.quote(c)} as {t}) as {self.quote(c)}" for c, t in columns.items()
        )
        run(connection, f"put {literal(str(file))} into {staged} overwrite")
        run(
            connection,
            f"copy into {self.relation(table)} from (select {listed} from {staged}) "
            "fileformat = parquet copy_options ('force' = 'true')",
        )
        run(connection, f"remove {staged}")
