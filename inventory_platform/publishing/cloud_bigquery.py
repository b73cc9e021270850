"""BigQuery: files are sent by load jobs of the client.

By Google's documentation and Python client; never run against a project. Credentials are found
as Google's tools find them, such as `GOOGLE_APPLICATION_CREDENTIALS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inventory_platform.publishing.cloud import Dialect, decimal_of, driver

_TYPES = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "int64"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER"), "int64"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float64"),
    "BOOLEAN": "bool",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "BLOB": "bytes",
}
_NUMERIC = (29, 9)
"""Digits before and after the point of `numeric`; `bignumeric` has 38 of each."""


class BigQuery(Dialect):
    """One data set of one project.

    Args:
        project: The project.
        dataset: The data set, which must be there.
        options: `location`.
    """

    kind = "bigquery"
    real = "float64"
    length = "length"
    text = "string"

    def __init__(self, project: str, dataset: str, options: Mapping[str, str]) -> None:
        self.where = f"{project}.{dataset}"
        self._project = project
        self._dataset = dataset
        self._options = options
        self._client: Any = None

    def connect(self) -> Any:
        """A connection of the DB-API over the client that also sends the load jobs."""
        bigquery = driver("google.cloud.bigquery", "bigquery")
        self._client = bigquery.Client(project=self._project, **self._options)
        return driver("google.cloud.bigquery.dbapi", "bigquery").connect(self._client)

    def failures(self) -> tuple[tuple[type[BaseException], ...], tuple[type[BaseException], ...]]:
        """Errors that may pass, and all errors of the client."""
        errors = driver("google.api_core.exceptions", "bigquery")
        dbapi = driver("google.cloud.bigquery.dbapi", "bigquery")
        passing = (errors.ServerError, errors.TooManyRequests, dbapi.OperationalError)
        return passing, (errors.GoogleAPIError, dbapi.Error)

    def column_type(self, kind: str) -> str | None:
        """The type that holds every value of a DuckDB type."""
        if kind.startswith("DECIMAL"):
            precision, scale = decimal_of(kind)
            fits = scale <= _NUMERIC[1] and precision - scale <= _NUMERIC[0]
            return f"{'numeric' if fits else 'bignumeric'}({precision}, {scale})"
        return _TYPES.get(kind)

    def quote(self, name: str) -> str:
        """A name of a column."""
        return f"`{name}`"

    def relation(self, name: str) -> str:
        """A table or view of the data set."""
        return f"`{self._project}.{self._dataset}.{name}`"

    def load(self, _connection: Any, table: str, _columns: Mapping[str, str], file: Path) -> None:
        """Send a file by a load job, and wait for it."""
        bigquery = driver("google.cloud.bigquery", "bigquery")
        how = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
        target = f"{self._project}.{self._dataset}.{table}"
        with file.open("rb") as stream:
            self._client.load_table_from_file(stream, target, job_config=how).result()
