"""What the invented shop bought, and what came back to it.

Here belong purchase orders with their deliveries, and returns with their refunds, as plain
numbers: money in cents of the base currency for purchases and of the order's currency for returns,
instants in ticks. How Linnworks writes them down belongs to `purchase_documents` and
`return_documents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from inventory_platform.sandbox.linnworks.catalogue import (
    Catalogue,
    Item,
    Location,
    Supplier,
    guid,
)
from inventory_platform.sandbox.linnworks.moments import DAY, SECOND
from inventory_platform.sandbox.linnworks.orders import Line, Order, Status
from inventory_platform.sandbox.period import DAYS, END, START
from inventory_platform.sandbox.reference import Dice

PURCHASE_TAX = 1900
_STILL_COMING_DAYS = 21
"""How far back purchase orders may be undelivered."""
_REASONS = ("Damaged on arrival", "Wrong size", "Changed mind", "Defective")


@dataclass(slots=True)
class PurchaseLine:
    """A line of a purchase order; `cost` is the whole line's, with tax."""

    row: str
    item: Item
    quantity: int
    delivered: int
    cost: int
    tax: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Goods that came in for one line."""

    number: int
    line: PurchaseLine
    quantity: int
    when: int


@dataclass(slots=True)
class Purchase:
    """A purchase order; its status is PENDING, OPEN, PARTIAL or DELIVERED."""

    number: int
    id: str
    supplier: Supplier
    location: Location
    status: str
    ordered: int
    quoted: int
    lines: list[PurchaseLine]
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def delivered(self) -> int:
        """When the last goods came; the day of the order until everything is there."""
        if self.status != "DELIVERED":
            return self.ordered
        return max(delivery.when for delivery in self.deliveries)


def draw_purchases(catalogue: Catalogue, count: int, dice: Dice) -> list[Purchase]:
    """Draw purchase orders, the oldest first; the last ones are not delivered in full.

    Args:
        catalogue: What can be bought, and where it goes.
        count: How many.
        dice: Where chance comes from.
    """
    by_supplier: dict[str, list[Item]] = {}
    for item in catalogue.products:
        if item.supplier is not None:
            by_supplier.setdefault(item.supplier.id, []).append(item)
    sellers = [supplier for supplier in catalogue.suppliers if supplier.id in by_supplier]
    purchases = []
    for place in range(count):
        supplier = sellers[place % len(sellers)]
        chance = dice.stream(f"purchase/{place}")
        purchases.append(
            _purchase(place, count, supplier, by_supplier[supplier.id], catalogue, chance)
        )
    return purchases


def _purchase(
    place: int,
    count: int,
    supplier: Supplier,
    items: Sequence[Item],
    catalogue: Catalogue,
    chance: Random,
) -> Purchase:
    recent = count - place <= max(4, count // 10)
    status = ("PENDING", "OPEN", "PARTIAL", "OPEN")[place % 4] if recent else "DELIVERED"
    days = (
        DAYS - _STILL_COMING_DAYS + chance.randrange(_STILL_COMING_DAYS - 1)
        if recent
        else (DAYS - 3 * _STILL_COMING_DAYS) * place // count
    )
    ordered = (START * SECOND) + days * DAY + chance.randrange(8, 17) * 3_600 * SECOND
    chosen = chance.sample(items, min(len(items), 1 + place % 4))
    purchase = Purchase(
        number=place + 1,
        id=guid("purchase", place + 1),
        supplier=supplier,
        location=catalogue.locations[0],
        status=status,
        ordered=ordered,
        quoted=ordered + supplier.lead_days * DAY,
        lines=[],
    )
    # Some forget that the item is in the list already.
    for line, item in enumerate(chosen + chosen[:1] if place % 7 == 3 else chosen):
        quantity = chance.choice((10, 20, 25, 50, 100))
        net = quantity * item.cost
        tax = (net * PURCHASE_TAX + 5_000) // 10_000
        row = guid("purchase line", f"{place + 1}/{line}")
        purchase.lines.append(PurchaseLine(row, item, quantity, 0, net + tax, tax))
    if status in ("PARTIAL", "DELIVERED"):
        _deliver(purchase, chance)
    return purchase


def _deliver(purchase: Purchase, chance: Random) -> None:
    """Let goods come in, now and then in two goes; of a partial order, half of its first line."""
    late = chance.randrange(-1, 4)
    when = purchase.ordered + max(1, purchase.supplier.lead_days + late) * DAY
    for place, line in enumerate(purchase.lines):
        if purchase.status == "PARTIAL":
            goes = [line.quantity // 2] if place == 0 else []
            arrival = min(when, END * SECOND - DAY // 2)
        else:
            half = line.quantity // 2
            goes = [half, line.quantity - half] if chance.random() < 0.25 else [line.quantity]
            arrival = when
        for go, quantity in enumerate(goes):
            number = purchase.number * 100 + len(purchase.deliveries)
            purchase.deliveries.append(Delivery(number, line, quantity, arrival + go * 2 * DAY))
            line.delivered += quantity


@dataclass(slots=True)
class Return:
    """Something a customer sent back, or money a customer got back, or both.

    `actioned` is None while the refund waits for approval; only then does it count. A cancelled
    order has a `quantity` of what was not sent.
    """

    number: int
    order: Order
    line: Line
    quantity: int
    booked: int
    reason: str
    amount: int
    location: Location
    is_cancellation: bool = False
    is_scrapped: bool = False
    actioned: int | None = None

    @property
    def refund_id(self) -> str:
        """Identifies the refund."""
        return guid("refund", self.number)


def draw_returns(
    orders: Sequence[Order], catalogue: Catalogue, count: int, dice: Dice
) -> list[Return]:
    """Draw what came back from processed orders, and a refund for every cancelled one.

    Args:
        orders: All orders.
        catalogue: Where goods come back to.
        count: How many customers send something back.
        dice: Where chance comes from.
    """
    returns: list[Return] = []
    sent = [
        order
        for order in orders
        if order.processed is not None
        and order.cancelled is None
        and not order.is_resend
        and order.processed < (END * SECOND) - 30 * DAY
    ]
    for place in range(min(count, len(sent))):
        order = sent[len(sent) * place // count]
        chance = dice.stream(f"return/{order.number}")
        line = order.lines[0]
        quantity = 1 if place % 3 else line.quantity
        booked = (order.processed or 0) + chance.randrange(4 * DAY, 20 * DAY)
        back = Return(
            number=5_001 + len(returns),
            order=order,
            line=line,
            quantity=quantity,
            booked=booked,
            reason=chance.choice(_REASONS),
            amount=line.gross * quantity // line.quantity,
            location=catalogue.locations[0],
            is_scrapped=chance.random() < 0.2,
            actioned=None if place % 12 == 7 else booked + chance.randrange(DAY, 5 * DAY),
        )
        order.updated = max(order.updated, back.actioned or booked)
        if quantity == line.quantity and len(order.lines) == 1:
            order.status = Status.RETURN
        returns.append(back)
    for order in orders:
        if order.cancelled is not None:
            returns.append(cancellation(order, 5_001 + len(returns)))
    return returns


def cancellation(order: Order, number: int) -> Return:
    """The refund that goes with a cancelled order."""
    when = order.cancelled or 0
    return Return(
        number=number,
        order=order,
        line=order.lines[0],
        quantity=sum(line.quantity for line in order.lines),
        booked=when,
        reason="Cancelled",
        amount=order.total,
        location=order.location,
        is_cancellation=True,
        actioned=when,
    )
