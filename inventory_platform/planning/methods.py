"""Forecasting methods, each for all series at once.

A method takes the known past (one row for each series, NaN where demand is unknown) and gives
the coming days. Unknown days are skipped: they are neither zeros nor part of an interval
between two demands, which is why these few methods stand here; the usual libraries refuse such
series or count the gaps as demand. Results equal statsforecast's on series without gaps.

Every method answers with numbers ≥ 0, or with NaN for a series of which no day is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inventory_platform.planning.demand import WEEK
from inventory_platform.planning.frames import Matrix, Vector

SMOOTHING = 0.1
"""Weight of the newest value for rare demand; 0.05 to 0.2 is the usual range."""

SMOOTHING_CANDIDATES = (0.05, 0.1, 0.2, 0.3, 0.5)
AVERAGED_DAYS = 28
SEASON_WEEKS = 26


def naive(past: Matrix, horizon: int) -> Matrix:
    """The last known day again."""
    days = np.where(np.isnan(past), -1, np.arange(past.shape[1])).max(axis=1, initial=-1)
    last = np.where(days < 0, np.nan, past[np.arange(len(past)), days])
    return _flat(last, horizon)


def seasonal_naive(past: Matrix, horizon: int) -> Matrix:
    """The last known day of the same weekday again; the average for a weekday never known."""
    weekly = np.full((len(past), WEEK), np.nan)
    for start in range(past.shape[1] % WEEK, past.shape[1], WEEK):
        week = past[:, start : start + WEEK]
        np.copyto(weekly, week, where=~np.isnan(week))
    first = past[:, : past.shape[1] % WEEK]
    if first.shape[1]:
        tail = weekly[:, -first.shape[1] :]
        np.copyto(tail, first, where=np.isnan(tail))
    average = _average(past)[:, None]
    return _repeated(np.where(np.isnan(weekly), average, weekly), horizon)


def historic_average(past: Matrix, horizon: int) -> Matrix:
    """The average of all known days."""
    return _flat(_average(past), horizon)


def moving_average(past: Matrix, horizon: int) -> Matrix:
    """The average of the known days of the last 28; of all, when none of them is known."""
    recent = _average(past[:, -AVERAGED_DAYS:])
    return _flat(np.where(np.isnan(recent), _average(past), recent), horizon)


def exponential_smoothing(past: Matrix, horizon: int) -> Matrix:
    """Simple exponential smoothing, with the weight that erred least on each series so far."""
    return _flat(_best_level(past), horizon)


def weekday_exponential_smoothing(past: Matrix, horizon: int) -> Matrix:
    """Exponential smoothing of demand without its weekday pattern, then put on again.

    The pattern is the average of each weekday ÷ the average of all, over the last 26 weeks. A
    weekday that never sells (a closed shop) is not part of the level.
    """
    days = past.shape[1]
    recent = past[:, -SEASON_WEEKS * WEEK :]
    weekdays = np.arange(days - recent.shape[1], days) % WEEK
    pattern = np.ones((len(past), WEEK))
    average = _average(recent)
    sells = average > 0
    for weekday in range(WEEK):
        of_weekday = _average(recent[:, weekdays == weekday])
        known = sells & ~np.isnan(of_weekday)
        pattern[known, weekday] = of_weekday[known] / average[known]
    factor = pattern[:, np.arange(days) % WEEK]
    level = _best_level(np.divide(past, factor, out=np.full(past.shape, np.nan), where=factor > 0))
    level = np.where(np.isnan(level), _average(past), level)
    return np.asarray(level[:, None] * pattern[:, np.arange(days, days + horizon) % WEEK])


def croston_sba(past: Matrix, horizon: int) -> Matrix:
    """Croston's method in the approximation of Syntetos & Boylan, for rare demand.

    Smoothed size ÷ smoothed interval * (1 - alpha/2). Syntetos & Boylan (2005), Int. J. Forecasting
    21: 303-314. Zero when there never was demand.
    """
    size = _level(_sizes(past), SMOOTHING)
    interval = _level(_intervals(past), SMOOTHING)
    rate = (1 - SMOOTHING / 2) * np.where(np.isnan(size), 0.0, size / interval)
    return _flat(np.where(_is_unknown(past), np.nan, rate), horizon)


def tsb(past: Matrix, horizon: int) -> Matrix:
    """The method of Teunter, Syntetos & Babai: rare demand that may be coming to its end.

    Smoothed size * smoothed probability, which sinks on every day without demand. Teunter et
    al. (2011), Eur. J. Oper. Res. 214: 606-615. Zero when there never was demand.
    """
    size = _level(_sizes(past), SMOOTHING)
    occurs = _level(np.where(np.isnan(past), np.nan, past > 0), SMOOTHING)
    return _flat(np.where(np.isnan(size) & ~np.isnan(occurs), 0.0, size * occurs), horizon)


@dataclass(frozen=True)
class Method:
    """A way of forecasting.

    Attributes:
        name: Its name in every table.
        forecast: The coming days of each series, from its past.
        is_steady: Whether the rate outlasts a spell without sales. Of rare demand such spells are
            the rule; a method that forgets in them empties the shelf in each.
    """

    name: str
    forecast: Callable[[Matrix, int], Matrix]
    is_steady: bool = False


NAIVE = Method("naive", naive)
SEASONAL_NAIVE = Method("seasonal_naive", seasonal_naive)
HISTORIC_AVERAGE = Method("historic_average", historic_average, is_steady=True)
METHODS = (
    NAIVE,
    SEASONAL_NAIVE,
    HISTORIC_AVERAGE,
    Method("moving_average", moving_average),
    Method("exponential_smoothing", exponential_smoothing),
    Method("weekday_exponential_smoothing", weekday_exponential_smoothing),
    Method("croston_sba", croston_sba, is_steady=True),
    Method("tsb", tsb),
)
"""All methods, from the simplest to the most elaborate."""

BASELINES = (NAIVE, SEASONAL_NAIVE, HISTORIC_AVERAGE)
"""What a forecast has to beat to be worth its trouble; part of every result."""


def _flat(level: Vector, horizon: int) -> Matrix:
    return np.repeat(level[:, None], horizon, axis=1)


def _repeated(week: Matrix, horizon: int) -> Matrix:
    return np.asarray(week[:, np.arange(horizon) % WEEK])


def _average(values: Matrix) -> Vector:
    """The mean of the known values of each row; NaN when there is none."""
    is_known = ~np.isnan(values)
    known = is_known.sum(axis=1).astype(float)
    known[known == 0] = np.nan
    return np.asarray(np.where(is_known, values, 0.0).sum(axis=1) / known)


def _is_unknown(past: Matrix) -> npt.NDArray[np.bool_]:
    return np.asarray(np.isnan(past).all(axis=1))


def _sizes(past: Matrix) -> Matrix:
    return np.where(past > 0, past, np.nan)


def _intervals(past: Matrix) -> Matrix:
    """On days with demand, the known days since the one before (or since the start)."""
    known_days = np.cumsum(~np.isnan(past), axis=1)
    has_demand = past > 0
    counted = np.where(has_demand, known_days, 0)
    latest = np.maximum.accumulate(counted, axis=1)
    before = np.concatenate([np.zeros((len(past), 1)), latest[:, :-1]], axis=1)
    return np.where(has_demand, known_days - before, np.nan)


def _level(values: Matrix, weight: float) -> Vector:
    """The exponentially smoothed level after the last known value; the first one starts it."""
    level = np.full(len(values), np.nan)
    for value in np.ascontiguousarray(values.T):
        moved = level + weight * (value - level)
        level = np.where(np.isnan(value), level, np.where(np.isnan(level), value, moved))
    return level


def _best_level(values: Matrix) -> Vector:
    """The level under the weight with the smallest squared error one day ahead."""
    weights = np.array(SMOOTHING_CANDIDATES)[:, None]
    level = np.full((len(weights), len(values)), np.nan)
    squared_error = np.zeros_like(level)
    for value in np.ascontiguousarray(values.T):
        error = value - level
        is_known = ~np.isnan(error)
        np.add(squared_error, np.square(error), out=squared_error, where=is_known)
        np.add(level, weights * error, out=level, where=is_known)
        np.copyto(level, value, where=np.isnan(level))
    best = squared_error.argmin(axis=0)
    return np.asarray(level[best, np.arange(len(values))])
