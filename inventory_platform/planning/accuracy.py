"""How good forecasts were: WAPE, MASE, RMSSE, bias and the coverage of their intervals.

Every ratio stands beside its numerator and denominator, and is null where the denominator is
zero. Errors are forecast - actual, so a positive bias is a forecast that was too high. Days
without known demand are not scored.

MAPE is missing on purpose: it is undefined on days without demand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from inventory_platform.planning.demand import WEEK, Demand
from inventory_platform.planning.frames import KEY, Matrix, Vector, require

SUMS = (
    "days",
    "actual",
    "error",
    "absolute_error",
    "squared_error",
    "scaled_absolute_error",
    "absolute_scaled_days",
    "scaled_squared_error",
    "squared_scaled_days",
    "covered_days",
    "interval_days",
)
"""What is added up over days; every ratio is computed from these."""


def scales(past: Matrix) -> tuple[Vector, Vector]:
    """What the errors of each series are measured against, from its past.

    Returns:
        The mean absolute error of the seasonal naive forecast (MASE: Hyndman & Koehler 2006,
        Int. J. Forecasting 22: 679-688) and the mean squared error of the naive one (RMSSE:
        the M5 competition). NaN where the past is too short or the error is zero.
    """
    return (
        _mean(np.abs(past[:, WEEK:] - past[:, :-WEEK])),
        _mean(np.square(past[:, 1:] - past[:, :-1])),
    )


def _mean(differences: Matrix) -> Vector:
    is_known = ~np.isnan(differences)
    known = is_known.sum(axis=1).astype(float)
    mean: Vector = np.where(is_known, differences, 0.0).sum(axis=1) / np.maximum(known, 1)
    mean[mean == 0] = np.nan
    return mean


def error_sums(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Add up the errors of single forecasts, such as stored ones whose days have come.

    Args:
        rows: actual, forecast, lower, upper, mase_scale, rmsse_scale (the results of `scales`)
            and the columns of `by`. Rows without actual or forecast are not scored.
        by: What to add up by.

    Returns:
        `by` and the columns of `SUMS`.

    Raises:
        PlanningError: If a column is missing.
    """
    needed = ("actual", "forecast", "lower", "upper", "mase_scale", "rmsse_scale")
    require(rows, "forecast errors", [*by, *needed])
    error = pl.col("forecast") - pl.col("actual")
    scaled = error.abs() / pl.col("mase_scale")
    scaled_square = error**2 / pl.col("rmsse_scale")
    is_covered = pl.col("actual").is_between(pl.col("lower"), pl.col("upper"))
    return (
        rows.drop_nulls(["actual", "forecast"])
        .with_columns(pl.col(needed).cast(pl.Float64))
        .group_by(by)
        .agg(
            days=pl.len().cast(pl.Int64),
            actual=pl.col("actual").sum(),
            error=error.sum(),
            absolute_error=error.abs().sum(),
            squared_error=(error**2).sum(),
            scaled_absolute_error=scaled.sum(),
            absolute_scaled_days=scaled.count().cast(pl.Int64),
            scaled_squared_error=scaled_square.sum(),
            squared_scaled_days=scaled_square.count().cast(pl.Int64),
            covered_days=is_covered.sum().cast(pl.Int64),
            interval_days=is_covered.count().cast(pl.Int64),
        )
        .sort(by)
    )


def scored(stored: pl.DataFrame, demand: Demand) -> pl.DataFrame:
    """The accuracy of stored forecasts whose days have come, by how far ahead they looked.

    Args:
        stored: as_of_date (the last day that was known), product, location, date, demand_class,
            method, is_chosen, forecast, lower, upper, mase_scale, rmsse_scale.
        demand: What came. Forecasts of days that are unknown or still to come are not scored.

    Returns:
        as_of_date, week_ahead (1 for the seven days after as_of_date), demand_class, method,
        is_chosen, the columns of `SUMS` and the ratios of `with_ratios`.

    Raises:
        PlanningError: If a column is missing.
    """
    by = ["as_of_date", "week_ahead", "demand_class", "method", "is_chosen"]
    require(stored, "stored forecasts", [*KEY, "date", *by[:1], *by[2:]])
    ahead = (pl.col("date") - pl.col("as_of_date")).dt.total_days()
    rows = stored.with_columns(
        demand.on(stored).alias("actual"), week_ahead=(ahead - 1) // WEEK + 1
    )
    return error_sums(rows, by).pipe(with_ratios)


def with_ratios(sums: pl.DataFrame) -> pl.DataFrame:
    """Add wape, bias, mase, rmsse and coverage to sums; null where a denominator is zero."""
    return sums.with_columns(
        *_ratios_of_sums(),
        _ratio("scaled_absolute_error", "absolute_scaled_days").alias("mase"),
        _ratio("scaled_squared_error", "squared_scaled_days").sqrt().alias("rmsse"),
    )


def summarised(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Accuracy over many series.

    WAPE, bias and coverage are ratios of the sums, so large series weigh more; MASE and RMSSE
    are averages over the series that have them, as they are defined.

    Args:
        table: One row for each series and method, as `with_ratios` gives it.
        by: What to summarise by.

    Returns:
        `by`, series, the columns of `SUMS`, wape, bias, coverage, mase, rmsse.
    """
    return (
        table.group_by(by)
        .agg(
            pl.len().cast(pl.Int64).alias("series"),
            pl.col(SUMS).sum(),
            pl.col("mase").mean(),
            pl.col("rmsse").mean(),
        )
        .with_columns(_ratios_of_sums())
        .sort(by)
    )


def _ratios_of_sums() -> list[pl.Expr]:
    return [
        _ratio("absolute_error", "actual").alias("wape"),
        _ratio("error", "actual").alias("bias"),
        _ratio("covered_days", "interval_days").alias("coverage"),
    ]


def _ratio(numerator: str, denominator: str) -> pl.Expr:
    return pl.when(pl.col(denominator) != 0).then(pl.col(numerator) / pl.col(denominator))
