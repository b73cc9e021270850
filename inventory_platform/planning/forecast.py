"""Forecasts: the method that has proved best for each class of demand, with its intervals.

The past is forecast from several earlier days (rolling origin, without looking ahead) by every
method; for each class of demand the best method is taken, because that of a single series is
mostly chance. For frequent demand it is the one with the smallest error. For rare demand, where
a forecast of nothing errs least and leaves the shelf empty, it is the one whose stock did best
(`stock_trials`), among those that do not forget in a spell without sales. The errors of the
trials also give the prediction intervals, and the last trial, which the intervals have not seen,
says how often they hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_platform.planning.accuracy import SUMS, scales, summarised, with_ratios
from inventory_platform.planning.classes import RARE
from inventory_platform.planning.demand import WEEK, Demand
from inventory_platform.planning.frames import KEY, Matrix, Vector, nullable
from inventory_platform.planning.methods import (
    BASELINES,
    HISTORIC_AVERAGE,
    METHODS,
    SEASONAL_NAIVE,
    Method,
)
from inventory_platform.planning.stock_trials import NO_TRIALS, stock_service, stock_trial

SHORTEST_PAST = 2 * WEEK
ROUNDING = 1e-9  # so that 19.0000000001 counts as 19


@dataclass(frozen=True)
class ForecastSettings:
    """How to forecast.

    Attributes:
        horizon: Days to forecast. Whole weeks keep weekday patterns out of the average.
        origins: Earlier days from which the past is forecast, one horizon apart.
        coverage: Share of days that shall fall into the prediction interval.
        tolerance: How much worse (relative RMSSE or loss of stock) a simpler method may be and
            still be taken.
        service_level: Probability with which the stock of the trials shall last a horizon.
    """

    horizon: int = 4 * WEEK
    origins: int = 3
    coverage: float = 0.9
    tolerance: float = 0.01
    service_level: float = 0.95


@dataclass(frozen=True)
class Forecasts:
    """What is expected and how far it can be trusted.

    Attributes:
        daily: product, location, date, method, is_chosen, forecast, lower, upper: for every
            series the chosen method and the baselines. Null where no day of the series is known,
            and the bounds also where too few days were scored.
        series: product, location, demand_class, method, daily_mean (units a day over the
            horizon), daily_error (root mean squared error of a day in the trials; the standard
            deviation of demand where there was no trial), mase_scale, rmsse_scale (what errors
            of these forecasts are measured against, see `scales`).
        choice: demand_class, method, rmsse, skill.
        accuracy: product, location, demand_class, method and the errors of the trials.
        by_class: The same for each demand_class and method, with skill (share of the seasonal
            naive method's RMSSE that is saved; negative when it is worse) and, for the methods
            among which rare demand chooses, the columns of `stock_service`.
    """

    daily: pl.DataFrame
    series: pl.DataFrame
    choice: pl.DataFrame
    accuracy: pl.DataFrame
    by_class: pl.DataFrame


def forecast(
    demand: Demand, classes: pl.DataFrame, settings: ForecastSettings | None = None
) -> Forecasts:
    """Forecast every series by the method that proved best for its class of demand.

    Args:
        demand: The series.
        classes: Their classes, as `classify` gives them (product, location, demand_class).
        settings: How to forecast.

    Returns:
        Forecasts, the choice of methods and the accuracy it rests on.
    """
    settings = settings or ForecastSettings()
    of_series = demand.keys.join(
        classes.select(*KEY, "demand_class"), on=KEY, how="left", maintain_order="left"
    )
    origins = _origins(demand.days, settings)
    tried = {method.name: _trials(demand.units, method, settings) for method in METHODS}
    actual = demand.units[:, demand.days - len(origins) * settings.horizon :]
    trials = {name: actual - expected for name, expected in tried.items()}
    measures = [scales(demand.units[:, :day]) for day in origins]
    tables = [_scored(demand.units, errors, measures, settings) for errors in trials.values()]
    accuracy = pl.concat(
        of_series.with_columns(pl.lit(name).alias("method"), *table)
        for name, table in zip(trials, tables, strict=True)
    ).pipe(with_ratios)
    by_class = (
        summarised(accuracy, ["demand_class", "method"])
        .with_columns(_skill())
        .join(
            _service(demand.units, of_series, tried, measures, settings),
            on=["demand_class", "method"],
            how="left",
            maintain_order="left",
        )
    )
    choice = _choice(of_series, by_class, settings.tolerance)
    series = of_series.join(
        choice.select("demand_class", "method"),
        on="demand_class",
        how="left",
        maintain_order="left",
    )
    chosen = series["method"].to_numpy()
    mean = np.full(len(series), np.nan)
    error = _deviation(demand.units)
    daily = []
    for method in METHODS:
        is_chosen = chosen == method.name
        rows = np.arange(len(series)) if method in BASELINES else np.flatnonzero(is_chosen)
        if not len(rows):
            continue
        expected = method.forecast(demand.units[rows], settings.horizon)
        errors = trials[method.name][rows]
        daily.append(_rows(demand, rows, method, is_chosen[rows], expected, errors, settings))
        own = is_chosen[rows]
        mean[rows[own]] = expected[own].mean(axis=1)
        squared = _root_mean_square(errors[own])
        error[rows[own]] = np.where(np.isnan(squared), error[rows[own]], squared)
    absolute_scale, squared_scale = scales(demand.units)
    return Forecasts(
        daily=pl.concat(daily).sort(*KEY, "method", "date") if daily else _no_rows(demand),
        series=series.with_columns(
            nullable(mean).alias("daily_mean"),
            nullable(error).alias("daily_error"),
            nullable(absolute_scale).alias("mase_scale"),
            nullable(squared_scale).alias("rmsse_scale"),
        ),
        choice=choice,
        accuracy=accuracy.sort(*KEY, "method"),
        by_class=by_class,
    )


def _origins(days: int, settings: ForecastSettings) -> list[int]:
    """The days from which the past is forecast, earliest first; fewer for a short past."""
    possible = max(0, (days - SHORTEST_PAST) // settings.horizon)
    count = min(settings.origins, possible)
    return [days - settings.horizon * back for back in range(count, 0, -1)]


def _trials(units: Matrix, method: Method, settings: ForecastSettings) -> Matrix:
    """What would have been forecast for each series and day of all trials."""
    origins = _origins(units.shape[1], settings)
    expected = [method.forecast(units[:, :origin], settings.horizon) for origin in origins]
    return np.concatenate([np.empty((len(units), 0)), *expected], axis=1)


def _service(
    units: Matrix,
    of_series: pl.DataFrame,
    tried: dict[str, Matrix],
    measures: list[tuple[Vector, Vector]],
    settings: ForecastSettings,
) -> pl.DataFrame:
    """How the stock of the steady methods did in the trials of rare demand."""
    rows = np.flatnonzero(of_series["demand_class"].is_in(RARE).fill_null(value=False).to_numpy())
    classes = of_series[rows].select("demand_class")
    found = [classes.clear().with_columns(pl.lit("").alias("method"), *NO_TRIALS)]
    for place, origin in enumerate(_origins(units.shape[1], settings)):
        days = slice(place * settings.horizon, (place + 1) * settings.horizon)
        for method in METHODS:
            if method.is_steady:
                sums = stock_trial(
                    units[rows, :origin],
                    units[rows, origin : origin + settings.horizon],
                    tried[method.name][rows, days].mean(axis=1),
                    np.sqrt(measures[place][1][rows]),
                    settings.service_level,
                )
                found.append(classes.with_columns(pl.lit(method.name).alias("method"), *sums))
    return stock_service(pl.concat(found), ["demand_class", "method"])


def _scored(
    units: Matrix,
    errors: Matrix,
    measures: list[tuple[Vector, Vector]],
    settings: ForecastSettings,
) -> list[pl.Series]:
    """The columns of `SUMS` for one method, with the `scales` at each origin."""
    series = len(units)
    sums = {name: np.zeros(series) for name in SUMS}
    for place, origin in enumerate(_origins(units.shape[1], settings)):
        start = place * settings.horizon
        error = errors[:, start : start + settings.horizon]
        is_known = ~np.isnan(error)
        known = is_known.sum(axis=1)
        actual = units[:, origin : origin + settings.horizon]
        sums["days"] += known
        sums["actual"] += np.where(is_known, actual, 0.0).sum(axis=1)
        sums["error"] -= np.where(is_known, error, 0.0).sum(axis=1)
        absolute = np.where(is_known, np.abs(error), 0.0).sum(axis=1)
        squared = np.where(is_known, np.square(error), 0.0).sum(axis=1)
        sums["absolute_error"] += absolute
        sums["squared_error"] += squared
        absolute_scale, squared_scale = measures[place]
        sums["scaled_absolute_error"] += np.nan_to_num(absolute / absolute_scale)
        sums["absolute_scaled_days"] += np.where(np.isnan(absolute_scale), 0, known)
        sums["scaled_squared_error"] += np.nan_to_num(squared / squared_scale)
        sums["squared_scaled_days"] += np.where(np.isnan(squared_scale), 0, known)
    if errors.shape[1] > settings.horizon:
        actual = units[:, -settings.horizon :]
        expected = actual - errors[:, -settings.horizon :]
        lower, upper = _interval(expected, errors[:, : -settings.horizon], settings.coverage)
        sums["covered_days"] += ((lower <= actual) & (actual <= upper)).sum(axis=1)
        sums["interval_days"] += (~np.isnan(lower)).sum(axis=1)
    return [
        pl.Series(name, values).cast(pl.Int64 if name.endswith("days") else pl.Float64)
        for name, values in sums.items()
    ]


def _interval(expected: Matrix, errors: Matrix, coverage: float) -> tuple[Matrix, Matrix]:
    """The whole units between which the given share of days lies (split conformal prediction).

    The forecast and the errors that are exceeded by the right share of all errors. Their ranks
    are taken from one more than their number, which makes the share hold for a new day too
    (Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World). Without whole units a
    forecast that rose from 0.11 to 0.12 would miss every day without demand. NaN when there
    are too few errors.
    """
    ordered = np.sort(errors, axis=1)
    known = np.sum(~np.isnan(errors), axis=1)
    tail = (1 - coverage) / 2
    lowest = np.floor((known + 1) * tail + ROUNDING).astype(int) - 1
    highest = np.ceil((known + 1) * (1 - tail) - ROUNDING).astype(int) - 1
    enough = (lowest >= 0) & (highest < known)
    series = np.arange(len(errors))
    below = np.full(len(errors), np.nan)
    above = np.full(len(errors), np.nan)
    below[enough] = ordered[series[enough], lowest[enough]]
    above[enough] = ordered[series[enough], highest[enough]]
    lower = np.maximum(np.round(expected + below[:, None]), 0)
    return lower, np.maximum(np.round(expected + above[:, None]), 0)


def _choice(series: pl.DataFrame, by_class: pl.DataFrame, tolerance: float) -> pl.DataFrame:
    """For each class the simplest method that is as good as the best one, within tolerance.

    Good is a small error, for rare demand a small loss of stock. A class without any trial that
    can be scored gets the average of its history.
    """
    order = pl.DataFrame({"method": [method.name for method in METHODS]}).with_row_index("order")
    loss = pl.when(pl.col("demand_class").is_in(RARE)).then("stock_loss").otherwise("rmsse")
    scored = by_class.with_columns(loss=loss).drop_nulls("loss").join(order, on="method")
    best = pl.col("loss").min().over("demand_class")
    proved = (
        scored.filter(pl.col("loss") <= best * (1 + tolerance))
        .sort("demand_class", "order")
        .unique("demand_class", keep="first", maintain_order=True)
        .select("demand_class", "method", "rmsse", "skill")
    )
    return (
        series.select("demand_class")
        .unique()
        .join(proved, on="demand_class", how="left")
        .with_columns(pl.col("method").fill_null(HISTORIC_AVERAGE.name))
        .sort("demand_class")
    )


def _skill() -> pl.Expr:
    """The share of the seasonal naive method's RMSSE that a method saves in its class."""
    of_baseline = (
        pl.col("rmsse").filter(pl.col("method") == SEASONAL_NAIVE.name).first().over("demand_class")
    )
    return pl.when(of_baseline > 0).then(1 - pl.col("rmsse") / of_baseline).alias("skill")


def _rows(
    demand: Demand,
    rows: npt.NDArray[np.int64],
    method: Method,
    is_chosen: npt.NDArray[np.bool_],
    expected: Matrix,
    errors: Matrix,
    settings: ForecastSettings,
) -> pl.DataFrame:
    """One method's forecasts as rows."""
    lower, upper = _interval(expected, errors, settings.coverage)
    dates = demand.dates(settings.horizon, start=demand.days)
    return (
        demand.keys[rows]
        .with_columns(method=pl.lit(method.name), is_chosen=pl.Series(is_chosen))
        .join(dates.to_frame(), how="cross", maintain_order="left_right")
        .select(
            *KEY,
            "date",
            "method",
            "is_chosen",
            nullable(expected.reshape(-1)).alias("forecast"),
            nullable(lower.reshape(-1)).alias("lower"),
            nullable(upper.reshape(-1)).alias("upper"),
        )
    )


def _no_rows(demand: Demand) -> pl.DataFrame:
    return demand.keys.clear().with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in {
            "date": pl.Date,
            "method": pl.String,
            "is_chosen": pl.Boolean,
            "forecast": pl.Float64,
            "lower": pl.Float64,
            "upper": pl.Float64,
        }.items()
    )


def _root_mean_square(errors: Matrix) -> Vector:
    is_known = ~np.isnan(errors)
    known = is_known.sum(axis=1).astype(float)
    known[known == 0] = math.nan
    return np.asarray(np.sqrt(np.where(is_known, np.square(errors), 0.0).sum(axis=1) / known))


def _deviation(units: Matrix) -> Vector:
    """The standard deviation of known demand; NaN when no day is known."""
    is_known = ~np.isnan(units)
    known = is_known.sum(axis=1).astype(float)
    known[known == 0] = math.nan
    mean = np.where(is_known, units, 0.0).sum(axis=1) / known
    return _root_mean_square(units - mean[:, None])
