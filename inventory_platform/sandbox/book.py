"""The stock that the inventory database keeps, for the other systems of the sandbox to agree with.

Here belongs only looking things up; the changes of stock come from `ledger`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import polars as pl

from inventory_platform.sandbox.business import simulate
from inventory_platform.sandbox.ledger import purchases_and_deliveries, stock_ledger
from inventory_platform.sandbox.period import start_of
from inventory_platform.sandbox.reference import (
    SEEDS,
    USUAL_ROWS,
    USUAL_SEED,
    Dice,
    load_reference,
)


@dataclass(frozen=True)
class Book:
    """Every change of stock, in order of time; products are counted from 0."""

    ledger: pl.DataFrame

    def closing(self, day: date) -> list[int]:
        """How much of each product there was when a day ended."""
        return self._last(start_of(day + timedelta(days=1)))["after"].to_list()

    def changed(self, day: date) -> list[int]:
        """The second of each product's last change up to the end of a day."""
        return self._last(start_of(day + timedelta(days=1)))["when"].to_list()

    def _last(self, end: int) -> pl.DataFrame:
        before = self.ledger.filter(pl.col("when") < end)
        return before.group_by("product").agg(pl.col("after", "when").last()).sort("product")


@cache
def stock_book(rows: int = USUAL_ROWS, seed: int = USUAL_SEED) -> Book:
    """The book of the inventory database that is generated with `rows` and `seed`.

    It takes a quarter of a second, once in a process.
    """
    dice = Dice(seed)
    business = simulate(load_reference(SEEDS, rows), rows, dice)
    _, deliveries = purchases_and_deliveries(business, dice)
    return Book(stock_ledger(business, deliveries, dice))
