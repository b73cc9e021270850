"""Rows of Parquet files, with the types they declare."""

from __future__ import annotations

import duckdb

from inventory_platform.duck import literal
from inventory_platform.sources.base import columns_of
from inventory_platform.sources.files.arrival import Part
from inventory_platform.sources.files.rows import ORIGIN, ROW, SEQUENCE, Rows, plain
from inventory_platform.sources.files.signatures import RefusedFileError


def parquet_rows(con: duckdb.DuckDBPyConnection, part: Part) -> Rows:
    """The rows of a Parquet file, with their places from 0.

    Raises:
        RefusedFileError: The file is not complete.
    """
    scan = f"read_parquet({literal(plain(part.path))}, hive_partitioning = false"
    try:
        columns = columns_of(con, f"select * from {scan})")
    except duckdb.Error as error:
        raise RefusedFileError(
            f"File {part.shown} is not a complete Parquet file: {str(error).splitlines()[0]}.",
            "Send it again; a cut file cannot be read in part.",
        ) from error
    return Rows(
        f"select * exclude (file_row_number), file_row_number as {ROW}, "
        f"{literal(part.origin)} as {ORIGIN}, {part.number} as {SEQUENCE} "
        f"from {scan}, file_row_number = true)",
        columns,
    )
