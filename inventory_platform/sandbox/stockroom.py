"""The stock of the simulated shop, and the orders to suppliers that refill it.

Here belongs what has to be followed day by day. One rule keeps the stock from ever going below
zero: what comes in on a day (deliveries, returns, finds) can be sold from the next day on.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from inventory_platform.sandbox.period import DAYS
from inventory_platform.sandbox.reference import Reference

THRIFTY_PLANNING_SHARE = 0.12
NEVER_DELIVERED_SHARE = 0.02
LATE_DELIVERY_SHARE = 0.04


@dataclass(frozen=True)
class PurchaseOrder:
    """An order to a supplier, closed (delivered or cancelled) on `closing_day`."""

    supplier: int
    order_day: int
    closing_day: int
    cancelled: bool
    lines: tuple[tuple[int, int], ...]
    """Pairs of product and quantity."""

    @property
    def delivered(self) -> bool:
        """Whether the goods arrived within the simulated time."""
        return not self.cancelled and self.closing_day < DAYS


@dataclass(frozen=True)
class Return:
    """Goods of one order that will come back: how many, and into which cell."""

    before: int
    quantity: int
    target: int


@dataclass
class Stockroom:
    """The stock of every product, followed day by day, with the orders that refill it."""

    reference: Reference
    wanted: list[int]
    """Units wanted per cell."""
    incoming: list[int]
    """Units coming in per cell; deliveries and returns are added as they become known."""
    returns: dict[int, list[Return]]
    chance: Random
    available: list[int] = field(init=False)
    """Units on the shelf in the morning, per cell; known after `run`."""
    purchase_orders: list[PurchaseOrder] = field(init=False, default_factory=list)
    restock_levels: list[int] = field(init=False, default_factory=list)
    opening_stock: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Plan the reorder levels and fill the shelves."""
        self.available = [0] * len(self.wanted)
        planned = self.reference.products.select("supplier", "popularity").iter_rows()
        for product, (supplier, popularity) in enumerate(planned):
            daily = sum(self.wanted[product * DAYS : (product + 1) * DAYS]) / DAYS
            lead_days = self.reference.suppliers["LeadDays"][supplier]
            # Most products are planned with a margin; some planners are too thrifty, and their
            # products run out before the next delivery.
            margin = (
                0.6
                if self.chance.random() < THRIFTY_PLANNING_SHARE
                else self.chance.uniform(1.2, 1.9)
            )
            level = 2 + math.ceil(daily * (lead_days + 4) * margin)
            self.restock_levels.append(level)
            # Nobody knew that the dead stock would be dead: there is plenty of it.
            cover = math.ceil(daily * self.chance.randint(21, 50)) if popularity else 60
            self.opening_stock.append(level + cover)
        self._stock = list(self.opening_stock)
        self._on_order = [0] * len(self._stock)
        self._closing: dict[int, list[PurchaseOrder]] = defaultdict(list)
        self._supplied: dict[int, list[int]] = defaultdict(list)
        for product, supplier in enumerate(self.reference.products["supplier"]):
            self._supplied[supplier].append(product)

    def run(self) -> None:
        """Follow the stock from the first day to the last."""
        for day in range(DAYS):
            self._sell(day)
            for order in self._closing.pop(day, ()):
                for product, quantity in order.lines:
                    self._on_order[product] -= quantity
            for supplier, products in self._supplied.items():
                # Every supplier is reviewed twice a week, not all on the same day.
                if (day + supplier) % 7 in (0, 3):
                    self._reorder(day, supplier, products)

    def _sell(self, day: int) -> None:
        """Sell what is wanted as far as it is there, then put away what came in."""
        for product, available in enumerate(self._stock):
            cell = product * DAYS + day
            self.available[cell] = available
            for back in self.returns.get(cell, ()):
                served = max(0, min(back.quantity, available - back.before))
                self.incoming[back.target] += served
            sold = min(self.wanted[cell], available)
            self._stock[product] = available - sold + self.incoming[cell]

    def _reorder(self, day: int, supplier: int, products: list[int]) -> None:
        """Order what has fallen below its level; some orders come late, a few never."""
        lines = []
        for product in products:
            missing = self._stock[product] + self._on_order[product]
            if missing < self.restock_levels[product]:
                quantity = self.opening_stock[product] - missing
                # Suppliers deliver full packs of six.
                lines.append((product, -(-quantity // 6) * 6))
        if not lines:
            return
        cancelled = self.chance.random() < NEVER_DELIVERED_SHARE
        days = self.chance.randint(2, 5) if cancelled else self._lead_days(supplier)
        order = PurchaseOrder(supplier, day, day + days, cancelled, tuple(lines))
        self.purchase_orders.append(order)
        self._closing[order.closing_day].append(order)
        for product, quantity in order.lines:
            self._on_order[product] += quantity
            if order.delivered:
                self.incoming[product * DAYS + order.closing_day] += quantity

    def _lead_days(self, supplier: int) -> int:
        mean, spread = self.reference.suppliers.select("LeadDays", "LeadSpread").row(supplier)
        late = self.chance.randint(5, 15) if self.chance.random() < LATE_DELIVERY_SHARE else 0
        return max(1, round(self.chance.gauss(mean, spread))) + late
