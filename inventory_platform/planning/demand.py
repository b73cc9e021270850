"""Demand: what customers wanted, from what was sold and when there was nothing to sell.

Here: the demand series of every product and location, with days out of stock as unknown, and
the two ways of filling or capping a series that planning needs. Not here: what kind of demand
it is (`classes`) and what it will be (`methods`, `forecast`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_platform.planning.frames import KEY, Matrix, PlanningError, nullable, require

WEEK = 7
LONGEST_HISTORY = 3660
DORMANT_DAYS = 180
"""Days in stock without a sale after which nobody wants an item any more."""


@dataclass(frozen=True)
class Demand:
    """Daily demand of many series, in order of product and location.

    Attributes:
        keys: One row for each series: product, location.
        first_date: The day of the first column.
        units: Units for each series (row) and day (column); NaN where demand is unknown,
            because the item was out of stock or did not exist yet.
        unrecorded_days: For each series, the days that had no row and count as days without
            sales.
    """

    keys: pl.DataFrame
    first_date: date
    units: Matrix
    unrecorded_days: pl.Series

    @property
    def days(self) -> int:
        """How many days the series cover."""
        return int(self.units.shape[1])

    def dates(self, days: int, *, start: int = 0) -> pl.Series:
        """Calendar days, counted from the first column on; they may lie beyond the last one."""
        first = pl.Series([self.first_date]).dt.offset_by(f"{start}d").item()
        last = pl.Series([first]).dt.offset_by(f"{days - 1}d").item()
        return pl.date_range(first, last, eager=True).alias("date")

    def until(self, day: int) -> Demand:
        """The same series as they were known after `day` days."""
        return replace(self, units=self.units[:, :day])

    def only(self, rows: npt.NDArray[np.int64]) -> Demand:
        """Some of the series, by their places."""
        return replace(
            self,
            keys=self.keys[rows],
            units=self.units[rows],
            unrecorded_days=self.unrecorded_days[rows],
        )

    def on(self, rows: pl.DataFrame) -> pl.Series:
        """Demand on the days of rows; null where it is unknown or outside the series.

        Args:
            rows: product, location, date.
        """
        placed = rows.select(*KEY, (pl.col("date") - self.first_date).dt.total_days()).join(
            self.keys.with_row_index("series"), on=KEY, how="left", maintain_order="left"
        )
        is_inside = placed["series"].is_not_null() & placed["date"].is_between(0, self.days - 1)
        known = is_inside.fill_null(value=False).to_numpy()
        units = np.full(len(rows), np.nan)
        place = placed.filter(is_inside)
        units[known] = self.units[place["series"].to_numpy(), place["date"].to_numpy()]
        return nullable(units).alias("demand")

    def frame(self) -> pl.DataFrame:
        """The series as rows: product, location, date, demand (null where unknown)."""
        return (
            self.keys.with_row_index("series")
            .join(self.dates(self.days).to_frame(), how="cross", maintain_order="left_right")
            .with_columns(nullable(self.units.reshape(-1)).alias("demand"))
            .drop("series")
        )


def demand_series(daily: pl.DataFrame) -> Demand:
    """Demand from daily sales, in which a day out of stock is unknown and never zero.

    A day that ended out of stock but sold something keeps what it sold: leaving it out would
    drop exactly the days on which an item of which one is kept was sold. This is the basis of
    Linnworks' daily average consumption, units sold ÷ days in stock. Returns (negative units)
    are no demand and count as none. Rows without product, location or date belong to no series
    (the facts have none, for their contracts refuse them). A series begins with its first row;
    from there to the last day of the frame, a day without a row is a day without sales, and
    counted.

    Args:
        daily: product, location, date, units_sold, was_out_of_stock. Several rows of one day
            are added. Units that are null are unknown.

    Returns:
        The series, the same for any order of the rows.

    Raises:
        PlanningError: If a column is missing, or the days lie too far apart to be true.
    """
    require(daily, "daily demand", [*KEY, "date", "units_sold", "was_out_of_stock"])
    known = daily.with_columns(pl.col("date").cast(pl.Date)).drop_nulls([*KEY, "date"])
    days = (
        known.lazy()
        .group_by(*KEY, "date")
        .agg(
            units=pl.col("units_sold").cast(pl.Float64).clip(lower_bound=0).sum(),
            is_unknown=pl.col("units_sold").is_null().any(),
            was_out_of_stock=pl.col("was_out_of_stock").fill_null(value=False).any(),
        )
        .collect()
    )
    keys = days.group_by(KEY).agg(first=pl.col("date").min(), recorded=pl.len()).sort(KEY)
    if keys.is_empty():
        nothing = pl.Series("unrecorded_days", [], pl.Int64)
        return Demand(keys.select(KEY), date.min, np.empty((0, 0)), nothing)
    first = keys["first"].min()
    last = days["date"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    width = (last - first).days + 1
    if width > LONGEST_HISTORY:
        raise PlanningError(
            f"the daily demand frame reaches from {first} to {last}",
            f"leave out days that cannot be true; {LONGEST_HISTORY} days can be planned with",
        )
    offset = (pl.col("date") - first).dt.total_days()
    cells = days.join(keys.select(KEY).with_row_index("series"), on=KEY).select(
        "series",
        offset.alias("day"),
        pl.when(pl.col("was_out_of_stock") & (pl.col("units") == 0) | pl.col("is_unknown"))
        .then(float("nan"))
        .otherwise("units")
        .alias("units"),
    )
    began = keys.select((pl.col("first") - first).dt.total_days()).to_series().to_numpy()
    units = np.where(np.arange(width) >= began[:, None], 0.0, np.nan)
    units[cells["series"].to_numpy(), cells["day"].to_numpy()] = cells["units"].to_numpy()
    unrecorded = pl.Series("unrecorded_days", width - began - keys["recorded"].to_numpy())
    return Demand(keys.select(KEY), first, units, unrecorded)


def idle_days(units: Matrix) -> npt.NDArray[np.int64]:
    """Known days since the last day with demand; all known days where there was none."""
    day = np.arange(units.shape[1])
    last = np.where(units > 0, day, -1).max(axis=1, initial=-1)
    is_after = day > last[:, None]
    return np.asarray((is_after & ~np.isnan(units)).sum(axis=1), dtype=np.int64)


def without_spikes(demand: Demand, *, multiple: float = 10, days_needed: int = 8) -> Demand:
    """Demand with single extraordinary days capped, so that they do not carry on into a plan.

    A cap above the usual size of a day *with* sales, not above the average rate (Linnworks' "no
    spikes" report cuts at 300 % of it), because for an item that sells once a month every sale
    is above three times the rate.

    Args:
        demand: The series.
        multiple: Days above this many times the median day with sales are capped to it.
        days_needed: Series with fewer days with sales are left as they are.
    """
    sizes = np.where(demand.units > 0, demand.units, np.nan)
    count = np.sum(demand.units > 0, axis=1)
    cap = np.full(len(sizes), np.inf)
    enough = count >= days_needed
    if enough.any():
        cap[enough] = multiple * np.nanmedian(sizes[enough], axis=1)
    return replace(demand, units=np.minimum(demand.units, cap[:, None]))


def completed(demand: Demand) -> Demand:
    """Demand with every unknown day filled from the same weekday, for replaying history.

    The value is that of the latest earlier week that knows it, otherwise of the next later one.
    Taking a day as it was keeps the days without demand and the large ones; an average would
    turn rare demand into a little every day. A weekday that is never known counts as zero.
    """
    series, days = demand.units.shape
    weeks = -(-days // WEEK)
    padded = np.full((series, weeks * WEEK), np.nan)
    padded[:, :days] = demand.units
    by_week = padded.reshape(series, weeks, WEEK)  # a view: filling it fills `padded`
    for week in range(1, weeks):
        np.copyto(by_week[:, week], by_week[:, week - 1], where=np.isnan(by_week[:, week]))
    for week in range(weeks - 2, -1, -1):
        np.copyto(by_week[:, week], by_week[:, week + 1], where=np.isnan(by_week[:, week]))
    return replace(demand, units=np.nan_to_num(padded[:, :days], nan=0.0))
