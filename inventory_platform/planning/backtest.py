"""Back-test: what history would have been under the present rules and under the proposals.

The same demand, the same lead times and the same opening stock are replayed day by day under
both. The proposed levels are made anew every few weeks from what was known by then, so nothing
looks ahead. Unmet demand is lost, it does not wait.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_platform.planning.classes import classify
from inventory_platform.planning.demand import WEEK, Demand, completed, without_spikes
from inventory_platform.planning.forecast import ForecastSettings, forecast
from inventory_platform.planning.frames import (
    KEY,
    Matrix,
    PlanningError,
    Vector,
    require,
    require_unique,
    vector,
)
from inventory_platform.planning.lead_time import lead_time_weights
from inventory_platform.planning.policy import PolicySettings, chosen_terms, stock_policy

CURRENT = "current"
PROPOSED = "proposed"


@dataclass(frozen=True)
class BacktestSettings:
    """How to replay.

    Attributes:
        days: Days at the end of history to replay.
        replan_days: Days after which the proposed levels are made anew.
        seed: Of the lead times drawn for the orders.
        forecasting: How the proposals forecast.
        policy: How the proposals keep stock.
    """

    days: int = 26 * WEEK
    replan_days: int = 4 * WEEK
    seed: int = 0
    forecasting: ForecastSettings = field(default_factory=ForecastSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)


@dataclass(frozen=True)
class Backtest:
    """What would have been.

    Attributes:
        series: product, location, policy and, over the replayed days: days, days_out_of_stock
            (with lost sales), demand, served, lost, cycles (from one delivery to the next),
            cycles_out_of_stock, orders, ordered, average_stock, average_value (null at unknown
            cost), lost_value (at cost; null at unknown cost).
        totals: For each policy the sums of these, with fill_rate (served ÷ demand),
            cycle_service (cycles without stock-out ÷ cycles), cycle_service_goal (what the
            proposals aimed at, averaged over the cycles), in_stock_rate (days without lost
            sales ÷ days) and cost_coverage (share of series with known cost; only these are in
            the values).
        left_out: product, location, reason: series that cannot be replayed under both.
    """

    series: pl.DataFrame
    totals: pl.DataFrame
    left_out: pl.DataFrame


def backtest(
    demand: Demand,
    limits: pl.DataFrame,
    terms: pl.DataFrame,
    settings: BacktestSettings | None = None,
) -> Backtest:
    """Replay the end of history under the present minimum and maximum and under the proposals.

    Both begin with the maximum on the shelf, look at the stock on the same days and order from
    the supplier of `chosen_terms` with its minimum, pack and order days. A delivery ordered in
    the evening of a day can be sold after as many full days as its lead time has.

    Args:
        demand: The series. In the replay, unknown days take the demand of the same weekday of
            another week.
        limits: product, location, minimum, maximum: order at the minimum, up to the maximum.
        terms: Supplier terms, as `stock_policy` takes them.
        settings: How to replay.

    Raises:
        PlanningError: If a frame lacks a column or repeats a key, or history is not longer
            than the replay.
    """
    settings = settings or BacktestSettings()
    require(limits, "limits", [*KEY, "minimum", "maximum"])
    require_unique(limits, "limits", KEY)
    begin = demand.days - settings.days
    if begin <= 0 and len(demand.keys):
        raise PlanningError(
            f"{settings.days} days cannot be replayed from a history of {demand.days}",
            "replay fewer days or give a longer history",
        )
    first = _levels(demand.until(begin), terms, settings).join(
        limits.select(*KEY, pl.col("minimum", "maximum").cast(pl.Float64)),
        on=KEY,
        how="left",
        maintain_order="left",
    )
    obstacle = first.select(*KEY, _obstacle().alias("reason"))
    can_replay = obstacle["reason"].is_null()
    rows = can_replay.arg_true().to_numpy()
    replayed = demand.only(rows)
    table = first.filter(can_replay)
    plans = [table] + [
        _levels(replayed.until(day), terms, settings)
        for day in range(begin + settings.replan_days, demand.days, settings.replan_days)
    ]
    wanted = completed(replayed).units[:, begin:]
    deliveries = _lead_times(table, settings)
    first_weekday = demand.dates(1, start=begin).dt.weekday().item()
    present = [(vector(table["minimum"]), vector(table["maximum"]))] * len(plans)
    proposed = [(vector(plan["reorder_point"]), vector(plan["order_up_to"])) for plan in plans]
    series = pl.concat(
        table.select(*KEY, "unit_cost", "service_level").with_columns(
            pl.lit(name).alias("policy"),
            *_replay(wanted, levels, table, deliveries, first_weekday, settings),
        )
        for name, levels in ((CURRENT, present), (PROPOSED, proposed))
    ).with_columns(
        (pl.col("average_stock") * pl.col("unit_cost").cast(pl.Float64)).alias("average_value"),
        (pl.col("lost") * pl.col("unit_cost").cast(pl.Float64)).alias("lost_value"),
    )
    return Backtest(
        series=series.drop("unit_cost", "service_level").sort(*KEY, "policy"),
        totals=_totals(series),
        left_out=obstacle.filter(~can_replay),
    )


def _levels(demand: Demand, terms: pl.DataFrame, settings: BacktestSettings) -> pl.DataFrame:
    """The policy that would have been proposed at the end of the given history."""
    usual = without_spikes(demand)
    values = chosen_terms(terms).select("product", pl.col("unit_cost").alias("unit_value"))
    classes = classify(usual, values)
    forecasts = forecast(usual, classes, settings.forecasting)
    nothing = demand.keys.clear().with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("on_hand", "reserved", "on_order")
    )
    return stock_policy(usual, forecasts, classes, terms, nothing, settings.policy)


def _obstacle() -> pl.Expr:
    """Why a series cannot be replayed; null when it can."""
    return (
        pl.when(pl.col("minimum").is_null() | pl.col("maximum").is_null())
        .then(pl.lit("it has no minimum and maximum"))
        .when((pl.col("minimum") < 0) | (pl.col("maximum") < pl.col("minimum")))
        .then(pl.lit("its minimum is negative or above its maximum"))
        .when(pl.col("reorder_point").is_null())
        .then(pl.lit("no reorder point could be proposed at the beginning of the replay"))
    )


def _lead_times(table: pl.DataFrame, settings: BacktestSettings) -> npt.NDArray[np.int64]:
    """The lead time of an order placed on each day, the same under both policies."""
    weights = lead_time_weights(
        vector(table["lead_time_days"]), vector(table["lead_time_spread_days"])
    )
    reached = np.cumsum(weights, axis=1)
    chance = np.random.default_rng(settings.seed).random((settings.days, len(table)))
    longest = weights.shape[1] - 1
    drawn = [np.minimum((day[:, None] > reached).sum(axis=1), longest) for day in chance]
    return np.array(drawn, dtype=np.int64).reshape(settings.days, len(table))


def _replay(
    wanted: Matrix,
    levels: list[tuple[Vector, Vector]],
    table: pl.DataFrame,
    lead_times: npt.NDArray[np.int64],
    first_weekday: int,
    settings: BacktestSettings,
) -> list[pl.Series]:
    """The sums of one replay, one column each."""
    count, days = wanted.shape
    series = np.arange(count)
    smallest, pack = vector(table["min_order_quantity"]), vector(table["pack_size"])
    takes_orders = np.column_stack(
        [
            (table["order_weekdays"].is_null() | table["order_weekdays"].list.contains(weekday))
            .fill_null(value=True)
            .to_numpy()
            for weekday in range(1, WEEK + 1)
        ]
    )
    arriving = np.zeros((days + int(lead_times.max(initial=0)) + 2, count))
    on_hand = vector(table["maximum"]).copy()
    on_order = np.zeros(count)
    next_look = np.zeros(count, dtype=np.int64)
    is_out = np.zeros(count, dtype=bool)
    sums = {name: np.zeros(count) for name in _COUNTS + _AMOUNTS}
    for day in range(days):
        delivered = arriving[day]
        on_hand += delivered
        on_order -= delivered
        ends = delivered > 0
        sums["cycles"] += ends
        sums["cycles_out_of_stock"] += ends & is_out
        is_out &= ~ends

        served = np.minimum(on_hand, wanted[:, day])
        lost = wanted[:, day] - served
        on_hand -= served
        is_out |= lost > 0
        sums["days"] += 1
        sums["days_out_of_stock"] += lost > 0
        sums["demand"] += wanted[:, day]
        sums["served"] += served
        sums["lost"] += lost
        sums["average_stock"] += on_hand / days

        point, target = levels[day // settings.replan_days]
        looks = (next_look <= day) & takes_orders[:, (first_weekday - 1 + day) % WEEK]
        next_look[looks] = day + max(settings.policy.review_days, 1)
        needed = target - on_hand - on_order
        orders = looks & (on_hand + on_order <= point) & (needed > 0)
        packs = np.ceil(np.maximum(needed, smallest) / pack - 1e-9)
        ordered = np.where(orders, packs * pack, 0.0)
        on_order += ordered
        arriving[day + 1 + lead_times[day], series] += ordered
        sums["orders"] += orders
        sums["ordered"] += ordered
    sums["cycles"] += 1
    sums["cycles_out_of_stock"] += is_out
    return [
        pl.Series(name, values, dtype=pl.Float64).cast(pl.Int64 if name in _COUNTS else pl.Float64)
        for name, values in sums.items()
    ]


_COUNTS = ("days", "days_out_of_stock", "cycles", "cycles_out_of_stock", "orders")
_AMOUNTS = ("demand", "served", "lost", "ordered", "average_stock")


def _totals(series: pl.DataFrame) -> pl.DataFrame:
    return (
        series.group_by("policy")
        .agg(
            pl.len().cast(pl.Int64).alias("series"),
            pl.col(_COUNTS + _AMOUNTS + ("average_value", "lost_value")).sum(),
            (pl.col("unit_cost").count() / pl.len()).alias("cost_coverage"),
            (pl.col("service_level").dot("cycles") / pl.col("cycles").sum()).alias(
                "cycle_service_goal"
            ),
        )
        .with_columns(
            pl.when(pl.col("demand") > 0)
            .then(pl.col("served") / pl.col("demand"))
            .alias("fill_rate"),
            (1 - pl.col("cycles_out_of_stock") / pl.col("cycles")).alias("cycle_service"),
            pl.when(pl.col("days") > 0)
            .then(1 - pl.col("days_out_of_stock") / pl.col("days"))
            .alias("in_stock_rate"),
        )
        .sort("policy")
    )
