"""Rows of Parquet files, with the types they declare."""

from __future__ import annotations

import duckdb

from inventory_platform.duck import columns_of, literal, parquet
from inventory_platform.sources.files.arrival import Part
from inventory_platform.sources.files.rows import ORIGIN, ROW, SEQUENCE, Rows, plain
from inventory_platform.sources.files.signatures import RefusedFileError


def parquet_rows(con: duckdb.DuckDBPyConnection, part: Part, *, to_the_end: bool) -> Rows:
    """The rows of a Parquet file, with their places from 0.

    Args:
        con: Connection to look at the file with.
        part: The file.
        to_the_end: Whether to decode all of it once, so that a damaged one is found before it
            can fail the load of the others.

    Raises:
        RefusedFileError: The file is not complete.
    """
    scan = parquet(plain(part.path), options="file_row_number = true")
    try:
        columns = columns_of(con, f"select * exclude (file_row_number) from {scan}")
        if to_the_end:
            con.execute(f"select bit_xor(hash(columns(*))) from {scan}").fetchall()
    except duckdb.Error as error:
        raise RefusedFileError(
            f"File {part.shown} is not a complete Parquet file: {str(error).splitlines()[0]}.",
            "Send it again; a cut file cannot be read in part.",
        ) from error
    return Rows(
        f"select * exclude (file_row_number), file_row_number as {ROW}, "
        f"{literal(part.origin)} as {ORIGIN}, {part.number} as {SEQUENCE} "
        f"from {scan}",
        columns,
    )
