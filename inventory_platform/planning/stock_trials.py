"""Trials of forecasts by what stock is kept for: would it have lasted?

The error of a single day says little of a forecast for rare demand: on most days nothing is sold,
and a forecast of zero is nearly always nearly right. Stock must last through many days together.
So the stock that a forecast would have asked for is held against what was wanted in all its days.
Here: these trials. What is chosen by them is in `forecast`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from inventory_platform.planning.demand import DORMANT_DAYS, idle_days
from inventory_platform.planning.frames import Matrix, Vector
from inventory_platform.planning.lead_time import empirical_policy

STOCK_SUMS = ("stock_trials", "served_trials", "stock_loss")
NO_TRIALS = pl.DataFrame(schema=dict.fromkeys(STOCK_SUMS, pl.Float64))


def stock_trial(
    past: Matrix, ahead: Matrix, expected: Vector, scale: Vector, service_level: float
) -> pl.DataFrame:
    """Hold the stock that a forecast asks for against the demand that came.

    The stock is made like a reorder point: what demand of all days ahead does not exceed with the
    probability of the service level. Its loss is the quantile (pinball) loss, which is smallest
    on average for the true quantile: a unit too few costs `service_level`, a unit too many
    `1 - service_level`. Koenker & Bassett (1978), Econometrica 46: 33-50.

    Args:
        past: What was known of each series, NaN where demand was unknown.
        ahead: The days after it; unknown ones are left out of both sides.
        expected: Forecast units a day.
        scale: What losses of each series are divided by, so that they can be added up.
        service_level: Probability with which the stock shall last.

    Returns:
        The columns of `STOCK_SUMS` for each series: trials (1 or 0), those in which the stock
        lasted, and the loss. What nobody wanted any more is not tried: no stock of it is kept,
        and the forecast that forgets soonest would win by it. Nor is a series without a scale.
    """
    days = np.sum(~np.isnan(ahead), axis=1)
    is_alive = idle_days(past) <= DORMANT_DAYS
    rows = np.flatnonzero(is_alive & (days > 0) & ~np.isnan(expected) & ~np.isnan(scale))
    nothing = np.zeros(len(rows))
    kept, _ = empirical_policy(
        past[rows],
        service_level=nothing + service_level,
        daily_mean=expected[rows],
        lead_days=nothing,
        lead_spread=nothing,
        review_days=days[rows],  # whole days, all of which are covered
        position=nothing,
    )
    missing = np.nansum(ahead[rows], axis=1) - kept
    loss = np.maximum(service_level * missing, (service_level - 1) * missing)
    sums = np.zeros((len(past), len(STOCK_SUMS)))
    sums[rows] = np.column_stack([nothing + 1, missing <= 0, loss / scale[rows]])
    return pl.DataFrame(sums, schema=list(STOCK_SUMS))


def stock_service(trials: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """How often stock lasted, over many trials.

    Args:
        trials: `by` and the columns of `STOCK_SUMS`.
        by: What to summarise by.

    Returns:
        `by`, stock_trials, served_trials, service (their ratio) and stock_loss (of a trial, on
        average); both null without a trial.
    """
    tried = pl.when(pl.col("stock_trials") > 0).then("stock_trials")
    return (
        trials.group_by(by)
        .agg(pl.col(STOCK_SUMS).sum())
        .with_columns(
            pl.col("stock_trials", "served_trials").cast(pl.Int64),
            service=pl.col("served_trials") / tried,
            stock_loss=pl.col("stock_loss") / tried,
        )
    )
