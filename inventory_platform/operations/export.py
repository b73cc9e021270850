"""Published data as a file for people: which rows, and what is said of them.

How the file is written belongs to `publishing/spreadsheets.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier
from inventory_platform.errors import PublishError
from inventory_platform.operations.query import explained, reader, rows_of
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.publishing.spreadsheets import (
    FileFormat,
    part_of,
    write_csv,
    write_parquet,
    write_xlsx,
)
from inventory_platform.settings import Settings


def export_mart(
    settings: Settings,
    contracts: Mapping[str, TableContract],
    mart: Mart,
    file: Path,
    format: FileFormat,
) -> int:
    """Write a published mart.

    Args:
        settings: Where it is published.
        contracts: What is in `raw`.
        mart: The mart.
        file: Where to write.
        format: Kind of file.

    Returns:
        How many rows the file holds.

    Raises:
        PublishError: The file cannot be written, or does not hold that much.
        QueryError: The mart is not published.
    """
    about = {"mart": mart.name, "answers": mart.question, "is": mart.description}
    meanings = {column: said.description for column, said in mart.columns.items()}
    sql = f"from marts.{identifier(mart.name)}"
    return _export(settings, contracts, sql, file, format, about, meanings)


def export_query(
    settings: Settings,
    contracts: Mapping[str, TableContract],
    sql: str,
    file: Path,
    format: FileFormat,
) -> int:
    """Write the rows of a query over the schemas raw, ops and marts.

    Args:
        settings: Where the data is.
        contracts: What is in `raw`.
        sql: One query.
        file: Where to write.
        format: Kind of file.

    Returns:
        How many rows the file holds.

    Raises:
        PublishError: The file cannot be written, or does not hold that much.
        QueryError: The query cannot be carried out.
    """
    return _export(settings, contracts, sql, file, format, {"query": sql}, {})


def _export(
    settings: Settings,
    contracts: Mapping[str, TableContract],
    sql: str,
    file: Path,
    format: FileFormat,
    about: Mapping[str, str],
    meanings: Mapping[str, str],
) -> int:
    file = file.absolute()
    if not file.parent.is_dir():
        raise PublishError(f"There is no folder {file.parent}.", "Make it, or name another.")
    with reader(settings, contracts, writes=[part_of(file)]) as con, explained():
        rows = rows_of(con, sql)
        match format:
            case FileFormat.csv:
                return write_csv(con, rows, file)
            case FileFormat.parquet:
                return write_parquet(con, rows, file)
            case FileFormat.xlsx:
                return write_xlsx(rows, file, {**about, **_provenance(settings)}, meanings)


def _provenance(settings: Settings) -> dict[str, str]:
    about = {"exported_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}
    if found := current_publication(settings.published_dir):
        about |= {"version": found[1].version, "published_at": found[1].published_at}
    return about
