"""The whole of the invented shop in Linnworks, and what can still happen to it.

Here belong putting the parts together and the changes that the control endpoints ask for; how the
parts are drawn belongs to `catalogue`, `orders` and `purchasing`. The same arguments make the same
world on any day, until it is changed.
"""

from __future__ import annotations

from collections import Counter

from inventory_platform.sandbox.book import stock_book
from inventory_platform.sandbox.linnworks.catalogue import Catalogue, Item, draw_catalogue
from inventory_platform.sandbox.linnworks.channels import Customer, redacted
from inventory_platform.sandbox.linnworks.moments import DAY, SECOND
from inventory_platform.sandbox.linnworks.orders import Order, OrderBook, Status
from inventory_platform.sandbox.linnworks.purchasing import (
    Purchase,
    Return,
    cancellation,
    draw_purchases,
    draw_returns,
)
from inventory_platform.sandbox.period import END
from inventory_platform.sandbox.reference import SEEDS, USUAL_ROWS, Dice, load_reference

_PERCENT_OPEN = 3
_PERCENT_BOUGHT = 3
_PERCENT_RETURNED = 4
_SHORT_SHELVES = 3


class World:
    """All that the server answers from.

    Attributes:
        now: The instant it is in this world, in ticks; personal data is taken out by it.
    """

    def __init__(self, rows: int, seed: int) -> None:
        dice = Dice(seed)
        reference = load_reference(SEEDS, rows)
        self.now = END * SECOND
        self.catalogue: Catalogue = draw_catalogue(
            reference, stock_book(max(rows, USUAL_ROWS)), dice
        )
        self._book = OrderBook(reference, self.catalogue, dice)
        self.orders: list[Order] = self._book.draw(rows, max(6, rows * _PERCENT_OPEN // 100))
        self.by_id = {order.id: order for order in self.orders}
        self.purchases: list[Purchase] = draw_purchases(
            self.catalogue, max(8, rows * _PERCENT_BOUGHT // 100), dice
        )
        self.returns: list[Return] = draw_returns(
            self.orders, self.catalogue, rows * _PERCENT_RETURNED // 100, dice
        )
        self._sell_too_much()

    @property
    def processed_orders(self) -> list[Order]:
        """What was sent or cancelled."""
        return [order for order in self.orders if order.processed is not None]

    @property
    def open_orders(self) -> list[Order]:
        """What waits to be sent."""
        return [order for order in self.orders if order.processed is None]

    @property
    def active_items(self) -> list[Item]:
        """Items that are in the lists."""
        return [item for item in self.catalogue.items if not item.is_archived]

    def reserved(self) -> Counter[tuple[str, str]]:
        """Units in open orders, by item and location; a kit counts as its components."""
        units: Counter[tuple[str, str]] = Counter()
        for order in self.open_orders:
            for item, quantity in order.goods:
                units[item.id, order.location.id] += quantity
        return units

    def due(self) -> Counter[tuple[str, str]]:
        """Units that suppliers still owe, by item and location; drafts do not count."""
        units: Counter[tuple[str, str]] = Counter()
        for purchase in self.purchases:
            if purchase.status in ("OPEN", "PARTIAL"):
                for line in purchase.lines:
                    units[line.item.id, purchase.location.id] += line.quantity - line.delivered
        return units

    def customer(self, order: Order) -> Customer:
        """Who ordered, as far as it may still be told."""
        return redacted(order.customer) if self.is_redacted(order) else order.customer

    def is_redacted(self, order: Order) -> bool:
        """Whether personal data was taken out of an order."""
        days = order.channel.redaction_days
        if days is None or order.processed is None:
            return False
        return order.processed + days * DAY <= self.now

    def cancel(self, order: Order, now: int) -> None:
        """Cancel an order; an open one is processed by that."""
        if order.processed is None:
            order.process(now)
        order.cancelled = order.updated = now
        self.returns.append(cancellation(order, self._next_return()))

    def refund(self, order: Order, now: int) -> None:
        """Take everything of the order's first line back and pay for it."""
        line = order.lines[0]
        order.status, order.updated = Status.RETURN, now
        self.returns.append(
            Return(
                number=self._next_return(),
                order=order,
                line=line,
                quantity=line.quantity,
                booked=now,
                reason="Changed mind",
                amount=line.gross,
                location=self.catalogue.locations[0],
                actioned=now,
            )
        )

    def insert_order(self, processed: int) -> Order:
        """Let one more order have been processed at an instant."""
        order = self._book.draw_processed(self.orders, processed)
        self.orders.append(order)
        self.by_id[order.id] = order
        return order

    def _next_return(self) -> int:
        return max((back.number for back in self.returns), default=5_000) + 1

    def _sell_too_much(self) -> None:
        """Leave less on a few shelves than is ordered from them."""
        reserved = self.reserved()
        wanted = [
            (shelf, reserved[item.id, shelf.location.id])
            for item in self.catalogue.products
            for shelf in item.shelves.values()
        ]
        for shelf, units in [pair for pair in wanted if pair[1]][:_SHORT_SHELVES]:
            shelf.level = max(0, units - 2)
