"""What the planning functions ask of the frames they are given.

Here: the errors and checks for frames that cannot be planned with at all. Rows that are
merely incomplete are no errors: they come back with a reason from the function that needs
the missing value.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_platform.errors import InventoryError

KEY = ("product", "location")

Vector: TypeAlias = npt.NDArray[np.float64]
"""One number for each series; NaN means unknown."""

Matrix: TypeAlias = npt.NDArray[np.float64]
"""One row for each series and one column for each day; NaN means unknown."""


class PlanningError(InventoryError):
    """A frame cannot be planned with: a column is missing or a key is not unique."""


def require(frame: pl.DataFrame, name: str, columns: Collection[str]) -> None:
    """Refuse a frame that lacks columns.

    Args:
        frame: The frame to look at.
        name: What the frame holds, for the message.
        columns: The columns that must be there.

    Raises:
        PlanningError: If one is missing.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise PlanningError(
            f"the {name} frame has no column {', '.join(missing)}",
            f"give it the columns {', '.join(columns)}",
        )


def require_unique(frame: pl.DataFrame, name: str, key: Sequence[str]) -> None:
    """Refuse a frame in which two rows have one key, since either could be meant.

    Args:
        frame: The frame to look at.
        name: What the frame holds, for the message.
        key: The columns that must tell the rows apart.

    Raises:
        PlanningError: If a key occurs twice or holds a null.
    """
    keys = frame.select(key)
    if keys.null_count().sum_horizontal().item():
        raise PlanningError(
            f"the {name} frame has rows without {' or '.join(key)}", "leave these rows out"
        )
    repeated = keys.filter(keys.is_duplicated())
    if len(repeated):
        example = ", ".join(str(value) for value in repeated.sort(key).row(0))
        raise PlanningError(
            f"the {name} frame holds {len(repeated)} rows with a repeated key, such as {example}",
            f"give one row for each {' and '.join(key)}",
        )


def vector(column: pl.Series) -> Vector:
    """A numeric column as numbers, with NaN for null."""
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def nullable(values: Vector) -> pl.Series:
    """Numbers as a column, with null for NaN: unknown is never a number."""
    return pl.Series(values, dtype=pl.Float64).fill_nan(None)
