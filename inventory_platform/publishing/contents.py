"""What a published file holds: columns, number of rows, and a fingerprint of them.

The fingerprint does not depend on the order of rows, because a mart that is built again may
have the same rows in another one. Here is what every destination but Postgres compares files
by; Postgres does it month by month (`postgres_compare.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from inventory_platform.duck import columns_of, identifier, parquet
from inventory_platform.errors import PublishError
from inventory_platform.object_storage import StoragePath

ROUNDING = 1e-9
"""How far sums of floating point may lie apart, relative to the sum of absolute values."""


@dataclass(frozen=True)
class Contents:
    """The rows of a published file.

    Attributes:
        file: The file.
        columns: Column → DuckDB type.
        rows: Number of rows.
        fingerprint: The same for the same columns and rows, whatever their order.
    """

    file: StoragePath
    columns: Mapping[str, str]
    rows: int
    fingerprint: str

    @property
    def relation(self) -> str:
        """The rows, as a relation of DuckDB."""
        return parquet(self.file)


def read_contents(con: duckdb.DuckDBPyConnection, file: StoragePath) -> Contents:
    """Look at all rows of a published file."""
    relation = parquet(file)
    with readable(file):
        columns = columns_of(con, f"select * from {relation}")
        listed = ", ".join(map(identifier, columns))
        rows, total, mixed = con.execute(
            "select count(*), coalesce(sum(row_hash::hugeint), 0), coalesce(bit_xor(row_hash), 0) "
            f"from (select hash({listed}) as row_hash from {relation})"
        ).fetchall()[0]
    digest = hashlib.sha256(f"{dict(columns)}:{rows}:{total:x}:{mixed:x}".encode())
    return Contents(file, columns, int(rows), digest.hexdigest()[:32])


@contextmanager
def readable(file: StoragePath) -> Iterator[None]:
    """Say of a published file that DuckDB cannot read it; in object storage that may pass.

    Raises:
        PublishError: It cannot be read.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.HTTPException) as error:
        raise PublishError(
            f"The published file {file} cannot be read: {str(error).splitlines()[0]}.",
            "Nothing was changed at the destination. Send again; if the file is gone, publish "
            "again with `inventory run --force`.",
            is_transient=not isinstance(file, Path),
        ) from None


def is_same_sum(mine: float | None, other: float | None, scale: float) -> bool:
    """Whether two sums are equal but for the order they were added up in.

    Args:
        mine: The sum here.
        other: The sum there.
        scale: Sum of the absolute values.
    """
    if mine is None or other is None:
        return mine is other
    if not (math.isfinite(mine) and math.isfinite(other)):
        return mine == other or (math.isnan(mine) and math.isnan(other))
    return abs(mine - other) <= ROUNDING * max(scale, 1e-300)
