"""How long forecasting and planning take, and how much memory.

    python benchmarks/planning.py [--series 10000] [--days 730] [--replay]

Sales of a made-up shop (from several a day to one a month, with weekday patterns, batch buyers
and spells out of stock) go through demand, classes, forecasts, policy and proposals. The limits
are five minutes and 4 GB on two cores. Making the sales is not counted as time, but what they
hold is counted as memory, as it would be for a caller. `--replay` adds the back-test of half a
year, in which everything is planned anew every four weeks.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from datetime import date, timedelta

import numpy as np
import polars as pl

from inventory_platform.planning.backtest import backtest
from inventory_platform.planning.classes import classify
from inventory_platform.planning.demand import demand_series, without_spikes
from inventory_platform.planning.forecast import forecast
from inventory_platform.planning.policy import stock_policy
from inventory_platform.planning.proposals import propose

FIRST = date(2024, 10, 1)
SUPPLIERS = 40
LIMIT_SECONDS = 300
LIMIT_MB = 4096


def daily_sales(series: int, days: int) -> pl.DataFrame:
    """Daily sales with weekday patterns, large buyers and days out of stock; reproducible."""
    dice = np.random.default_rng(11)
    rate = dice.choice([0.03, 0.1, 0.4, 1.5, 6.0], series)
    weekday = np.array([1.0, 0.9, 0.9, 1.0, 1.3, 1.4, 0.5])[np.arange(days) % 7]
    units = dice.poisson(rate[:, None] * weekday)
    units *= np.where(dice.random(series) < 0.3, dice.integers(2, 7, series), 1)[:, None]
    is_out = np.zeros((series, days), dtype=bool)
    for _ in range(3):
        start = dice.integers(0, days, series)[:, None]
        length = dice.integers(1, 15, series)[:, None]
        is_out |= (np.arange(days) >= start) & (np.arange(days) < start + length)
    last = FIRST + timedelta(days - 1)
    dates = pl.date_range(FIRST, last, eager=True).alias("date").to_frame()
    return (
        products(series)
        .with_columns(location=pl.lit("Main"))
        .join(dates, how="cross", maintain_order="left_right")
        .with_columns(
            units_sold=pl.Series(np.where(is_out, 0, units).reshape(-1)),
            was_out_of_stock=pl.Series(is_out.reshape(-1)),
        )
    )


def products(series: int) -> pl.DataFrame:
    return pl.DataFrame({"product": [f"SKU-{number:06}" for number in range(series)]})


def supplier_terms(series: int) -> pl.DataFrame:
    dice = np.random.default_rng(12)
    return products(series).with_columns(
        supplier=pl.Series([f"Supplier {number % SUPPLIERS}" for number in range(series)]),
        supplier_name=pl.lit(None, pl.String),
        is_preferred=pl.lit(value=True),
        lead_time_days=pl.Series(dice.integers(2, 45, series)),
        lead_time_spread_days=pl.Series(dice.random(series) * 6),
        unit_cost=pl.Series(dice.integers(100, 9999, series) / 100),
        min_order_quantity=pl.Series(dice.choice([1, 10, 50], series)),
        pack_size=pl.Series(dice.choice([1, 6, 12], series)),
        order_weekdays=pl.Series([[1, 4] if number % 2 else None for number in range(series)]),
        unlisted_orders=pl.lit(0),
    )


def stock_now(series: int) -> pl.DataFrame:
    dice = np.random.default_rng(13)
    return products(series).with_columns(
        location=pl.lit("Main"),
        on_hand=pl.Series(dice.integers(0, 80, series)),
        reserved=pl.Series(dice.integers(0, 4, series)),
        on_order=pl.Series(dice.choice([0, 0, 24], series)),
    )


def present_limits(series: int) -> pl.DataFrame:
    dice = np.random.default_rng(14)
    return (
        products(series)
        .with_columns(location=pl.lit("Main"), minimum=pl.Series(dice.integers(1, 60, series)))
        .with_columns(maximum=2 * pl.col("minimum"))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--replay", action="store_true")
    options = parser.parse_args()
    daily = daily_sales(options.series, options.days)
    terms = supplier_terms(options.series)
    stock = stock_now(options.series)
    steps = {}

    def took(name: str) -> None:
        steps[name] = time.monotonic() - began - sum(steps.values())

    began = time.monotonic()
    demand = without_spikes(demand_series(daily))
    took("demand")
    classes = classify(demand, terms.select("product", unit_value="unit_cost"))
    took("classes")
    forecasts = forecast(demand, classes)
    took("forecasts")
    policy = stock_policy(demand, forecasts, classes, terms, stock)
    took("policy")
    proposals = propose(policy, FIRST + timedelta(options.days))
    took("proposals")
    if options.replay:
        replayed = backtest(demand_series(daily), present_limits(options.series), terms)
        took("replay")

    seconds = sum(steps.values())
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.series:,} product-locations, {options.days} days")
    for name, step in steps.items():
        print(f"  {name:<10} {step:7.1f} s")
    print(f"  {'total':<10} {seconds:7.1f} s   limit {LIMIT_SECONDS} s")
    print(f"  {'memory':<10} {megabytes:7.0f} MB  limit {LIMIT_MB} MB")
    print(proposals.group_by("decision").len().sort("decision"))
    if options.replay:
        print(replayed.totals.select("policy", "fill_rate", "average_value", "lost", "orders"))
    if seconds > LIMIT_SECONDS or megabytes > LIMIT_MB:
        sys.exit("over the limit")


if __name__ == "__main__":
    main()
