"""Classes of items: how their demand comes (ADI, CV²), what it is worth (ABC), how steady (XYZ).

The class decides which forecasting methods are tried, how the reorder point is computed and
which service level is aimed at. Cut-offs are those of the literature and can be set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_platform.planning.demand import WEEK, Demand
from inventory_platform.planning.frames import (
    KEY,
    Matrix,
    Vector,
    nullable,
    require,
    require_unique,
)

SMOOTH = "smooth"
ERRATIC = "erratic"
INTERMITTENT = "intermittent"
LUMPY = "lumpy"
NO_DEMAND = "no demand"
TOO_NEW = "too new"
RARE = (INTERMITTENT, LUMPY, TOO_NEW)
"""Classes of demand in which a spell without sales says little."""
UNCLASSIFIED = "unclassified"

DAYS_OF_A_YEAR = 365
DAYS_FOR_A_WEEK = 4  # a week with fewer known days says too little about its total

FEWEST_KNOWN_DAYS = 2 * WEEK
"""Every weekday twice: with less, one good day passes for the rule."""

FEWEST_DEMAND_DAYS = 3
"""Sales that show how often and how unevenly an item sells; of one or two, sizes cannot vary."""

DAYS_TO_BE_RARE = 13 * WEEK
"""Who sold once or twice in this many known days is not new, but rarely wanted."""


@dataclass(frozen=True)
class Cutoffs:
    """Where one class ends and the next begins.

    Attributes:
        adi: Average demand interval, in days, up to which demand is frequent.
        cv2: Squared coefficient of variation up to which sizes are alike.
        a_share: Share of the total value that the A items make up together.
        b_share: Share of the total value that the A and B items make up together.
        x_cv: Coefficient of variation of weekly demand up to which an item is X.
        y_cv: The same for Y.
    """

    adi: float = 1.32
    cv2: float = 0.49
    a_share: float = 0.80
    b_share: float = 0.95
    x_cv: float = 0.5
    y_cv: float = 1.0


def classify(
    demand: Demand, values: pl.DataFrame | None = None, cutoffs: Cutoffs | None = None
) -> pl.DataFrame:
    """All classes of every series.

    Args:
        demand: The series.
        values: product, unit_value (any money; cost, price or margin). Without it, or where a
            value is null, the ABC class is "unclassified".
        cutoffs: Where the classes end.

    Returns:
        product, location, known_days, demand_days (known days with demand), adi, cv2,
        demand_class, weekly_cv, xyz, annual_value, value_share (share of this item and all above
        it), abc. Ratios are null where their denominator is zero or unknown. What is "too new"
        has no annual value either: the sales of a first day say nothing of a year's.

    Raises:
        PlanningError: If a column is missing from `values` or a product occurs twice.
    """
    cutoffs = cutoffs or Cutoffs()
    known, sold = _known_days(demand.units), _demand_days(demand.units)
    interval, variation = _adi_and_cv2(demand.units)
    is_new = _is_new(known, sold)
    weekly = _weekly_variation(demand.units)
    frame = demand.keys.with_columns(
        pl.Series("known_days", known),
        pl.Series("demand_days", sold),
        pl.Series("is_new", is_new),
        nullable(interval).alias("adi"),
        nullable(variation).alias("cv2"),
        nullable(weekly).alias("weekly_cv"),
        nullable(np.where(is_new, np.nan, _annual_units(demand.units))).alias("annual_units"),
    )
    if values is None:
        frame = frame.with_columns(unit_value=pl.lit(None, pl.Float64))
    else:
        require(values, "values", ["product", "unit_value"])
        require_unique(values, "values", ["product"])
        unit_values = values.select("product", pl.col("unit_value").cast(pl.Float64))
        frame = frame.join(unit_values, on="product", how="left", maintain_order="left")
    is_frequent = pl.col("adi") <= cutoffs.adi
    is_even = pl.col("cv2") <= cutoffs.cv2
    return (
        frame.with_columns(
            pl.when(pl.col("adi").is_null())
            .then(pl.lit(NO_DEMAND))
            .when("is_new")
            .then(pl.lit(TOO_NEW))
            .when(is_frequent & is_even)
            .then(pl.lit(SMOOTH))
            .when(is_frequent)
            .then(pl.lit(ERRATIC))
            .when(is_even)
            .then(pl.lit(INTERMITTENT))
            .otherwise(pl.lit(LUMPY))
            .alias("demand_class"),
            pl.when(pl.col("weekly_cv").is_null())
            .then(pl.lit(UNCLASSIFIED))
            .when(pl.col("weekly_cv") <= cutoffs.x_cv)
            .then(pl.lit("X"))
            .when(pl.col("weekly_cv") <= cutoffs.y_cv)
            .then(pl.lit("Y"))
            .otherwise(pl.lit("Z"))
            .alias("xyz"),
            annual_value=pl.col("annual_units") * pl.col("unit_value"),
        )
        .pipe(_abc, cutoffs)
        .select(
            *KEY, "known_days", "demand_days", "adi", "cv2", "demand_class", "weekly_cv", "xyz",
            "annual_value", "value_share", "abc",
        )
    )  # fmt: skip


def _known_days(units: Matrix) -> npt.NDArray[np.int64]:
    return np.asarray(np.sum(~np.isnan(units), axis=1), dtype=np.int64)


def _demand_days(units: Matrix) -> npt.NDArray[np.int64]:
    return np.asarray(np.sum(units > 0, axis=1), dtype=np.int64)


def _is_new(known: npt.NDArray[np.int64], sold: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether too little was seen of what sold to say how it sells."""
    is_short = known < FEWEST_KNOWN_DAYS
    is_thin = (sold < FEWEST_DEMAND_DAYS) & (known < DAYS_TO_BE_RARE)
    return np.asarray((sold > 0) & (is_short | is_thin))


def _adi_and_cv2(units: Matrix) -> tuple[Vector, Vector]:
    """Known days per day with demand, and the squared variation of the sizes.

    Syntetos, Boylan & Croston (2005), J. Oper. Res. Soc. 56: 495-503. The variation is that of
    the population, so that a single sale has none. Both are NaN without demand.
    """
    has_demand = units > 0
    count = _demand_days(units).astype(float)
    count[count == 0] = np.nan
    known = _known_days(units)
    sizes = np.where(has_demand, units, 0.0)
    mean = sizes.sum(axis=1) / count
    spread = np.where(has_demand, sizes - mean[:, None], 0.0)
    return known / count, np.square(spread).sum(axis=1) / count / mean**2


def _weekly_variation(units: Matrix) -> Vector:
    """Standard deviation ÷ mean of weekly demand, weeks without demand included.

    Weeks are counted back from the last day. A week with unknown days is scaled up from the
    known ones. NaN for fewer than two weeks and for a mean of zero.
    """
    series, days = units.shape
    weeks = units[:, days % WEEK :].reshape(series, days // WEEK, WEEK)
    is_known = ~np.isnan(weeks)
    known = is_known.sum(axis=2)
    counts = known >= DAYS_FOR_A_WEEK
    totals = np.where(is_known, weeks, 0.0).sum(axis=2) * WEEK / np.maximum(known, 1)
    count = counts.sum(axis=1).astype(float)
    count[count < 2] = np.nan
    mean = np.where(counts, totals, 0.0).sum(axis=1) / count
    spread = np.where(counts, totals - mean[:, None], 0.0)
    mean[mean == 0] = np.nan
    return np.asarray(np.sqrt(np.square(spread).sum(axis=1) / count) / mean)


def _annual_units(units: Matrix) -> Vector:
    """Demand of a year at the rate of the last 365 known or unknown days; NaN if all unknown."""
    recent = units[:, -DAYS_OF_A_YEAR:]
    is_known = ~np.isnan(recent)
    known = is_known.sum(axis=1).astype(float)
    known[known == 0] = np.nan
    return np.asarray(np.where(is_known, recent, 0.0).sum(axis=1) / known * DAYS_OF_A_YEAR)


def _abc(frame: pl.DataFrame, cutoffs: Cutoffs) -> pl.DataFrame:
    """Add `value_share` and `abc`; the item that crosses a limit belongs to the better class."""
    ranked = frame.with_row_index("place").sort(
        "annual_value", *KEY, descending=[True, False, False], nulls_last=True
    )
    total = pl.col("annual_value").sum()
    above = pl.col("annual_value").cum_sum().shift(1, fill_value=0)
    return (
        ranked.with_columns(
            pl.when(pl.col("annual_value").is_null() | (total == 0))
            .then(pl.lit(UNCLASSIFIED))
            .when(above < cutoffs.a_share * total)
            .then(pl.lit("A"))
            .when(above < cutoffs.b_share * total)
            .then(pl.lit("B"))
            .otherwise(pl.lit("C"))
            .alias("abc"),
            pl.when(total > 0).then(pl.col("annual_value").cum_sum() / total).alias("value_share"),
        )
        .sort("place")
        .drop("place")
    )
