"""The orders of the invented shop, and what may happen to one after it was processed.

Here belong orders and their lines as plain numbers: money in cents of the order's currency, costs
in cents of the base currency, instants in ticks. An order adds up: its lines with tax, plus
postage, minus its discount, are its total. How Linnworks writes an order down belongs to
`order_documents`.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from random import Random

from inventory_platform.sandbox.linnworks.catalogue import (
    COUNTRY_RATE,
    Catalogue,
    Item,
    Location,
    guid,
)
from inventory_platform.sandbox.linnworks.channels import (
    COUNTRIES,
    POSTAL_SERVICES,
    Channel,
    Country,
    Customer,
    PostalService,
    channel_for,
)
from inventory_platform.sandbox.linnworks.moments import DAY, SECOND
from inventory_platform.sandbox.period import END, START
from inventory_platform.sandbox.reference import Dice, Reference

FIRST_NUMBER = 100_001
_OPEN_DAYS = 5
"""How far back open orders go."""
_FIRST_YEAR = 365 * DAY
_QUARTER = 91 * DAY


class Status(IntEnum):
    """Linnworks' numbers for the state of an order."""

    UNPAID = 0
    PAID = 1
    RETURN = 2
    PENDING = 3
    RESEND = 4


@dataclass(slots=True)
class Line:
    """One line of an order.

    `net` and `tax` are of the whole line, discount taken off. A kit's line carries the money, its
    children carry the quantities, already multiplied.
    """

    row: str
    item: Item | None
    title: str
    channel_sku: str
    quantity: int
    unit_price: int = 0
    percent_off: int = 0
    tax_rate: int = 0
    net: int = 0
    tax: int = 0
    is_service: bool = False
    children: list[Line] = field(default_factory=list)

    @property
    def gross(self) -> int:
        """The line's money with tax."""
        return self.net + self.tax


@dataclass(slots=True)
class Order:
    """One order, open while `processed` is None.

    `rate` is what one unit of its currency is worth in the base currency, as it was when the order
    was saved.
    """

    number: int
    id: str
    channel: Channel
    customer: Customer
    country: Country
    rate: float
    location: Location
    service: PostalService
    status: Status
    reference: str
    external_reference: str
    received: int
    updated: int
    lines: list[Line]
    paid: int | None = None
    processed: int | None = None
    cancelled: int | None = None
    postage: int = 0
    postage_net: int = 0
    discount: int = 0
    tracking: str = ""
    note: str = ""
    folder: str = ""
    is_parked: bool = False
    is_resend: bool = False
    is_exchange: bool = False
    is_prime: bool = False

    @property
    def is_held(self) -> bool:
        """Linnworks says the same of an open order on hold and of a cancelled one."""
        return self.is_parked or self.cancelled is not None

    @property
    def subtotal(self) -> int:
        """The lines without tax."""
        return sum(line.net for line in self.lines)

    @property
    def tax(self) -> int:
        """Tax on lines and postage."""
        return sum(line.tax for line in self.lines) + self.postage - self.postage_net

    @property
    def total(self) -> int:
        """What the customer pays."""
        return sum(line.gross for line in self.lines) + self.postage - self.discount

    @property
    def goods(self) -> Iterator[tuple[Item, int]]:
        """What leaves the shelves, and how many of it; a kit as its components."""
        for line in self.lines:
            for leaf in line.children or [line]:
                if leaf.item is not None:
                    yield leaf.item, leaf.quantity

    @property
    def cost(self) -> int:
        """What the goods cost the shop, in cents of the base currency."""
        return sum(item.cost * quantity for item, quantity in self.goods)

    @property
    def weight(self) -> int:
        """Grams."""
        return sum(line.quantity * line.item.weight for line in self.lines if line.item)

    def process(self, now: int) -> None:
        """Send the order out; it is paid by then."""
        self.processed = self.updated = now
        self.is_parked = False
        if self.status in (Status.UNPAID, Status.PENDING):
            self.status, self.paid = Status.PAID, self.received

    def track(self, now: int, tracking: str) -> None:
        """Take another tracking number."""
        self.tracking, self.updated = tracking, now


class OrderBook:
    """Draws orders, one after the other; the same ones in the same order every time."""

    def __init__(self, reference: Reference, catalogue: Catalogue, dice: Dice) -> None:
        self._catalogue = catalogue
        self._dice = dice
        self._cities: list[tuple[str, str, int]] = reference.cities.rows()
        self._streets = reference.streets.to_list()
        self._first_names = reference.first_names.to_list()
        self._last_names = reference.last_names.to_list()

    def draw(self, processed: int, still_open: int) -> list[Order]:
        """Draw the shop's orders, in the order they were received.

        Args:
            processed: How many are processed when the sandbox's time ends.
            still_open: How many are not.
        """
        start = START * SECOND
        recent = END * SECOND - _OPEN_DAYS * DAY
        orders: list[Order] = []
        for place in range(processed):
            order = self._draw(start + (recent - start) * place // processed, orders)
            self._finish(order)
            orders.append(order)
        for place in range(still_open):
            orders.append(self._draw(recent + _OPEN_DAYS * DAY * place // still_open, orders))
        return orders

    def draw_processed(self, orders: Sequence[Order], processed: int) -> Order:
        """Draw one more order, processed at a given instant."""
        order = self._draw(processed - DAY, orders)
        order.process(processed)
        return order

    def _draw(self, earliest: int, before: Sequence[Order]) -> Order:
        """Draw the next order, received within the hour; it is open."""
        place = len(before)
        number = FIRST_NUMBER + place
        chance = self._dice.stream(f"order/{number}")
        town, country_name, dial_code = chance.choice(self._cities)
        country = COUNTRIES[country_name]
        channel = channel_for(country, chance.random())
        received = earliest + chance.randrange(3_600 * SECOND)
        drift = 1 + 0.004 * ((received - START * SECOND) // _QUARTER)
        at_amazon = channel.source == "AMAZON"
        order = Order(
            number=number,
            id=guid("order", number),
            channel=channel,
            customer=self._customer(channel, town, country_name, dial_code, number, chance),
            country=country,
            rate=1.0 if country.rate == 1.0 else round(country.rate * drift, 6),
            location=self._location(at_amazon, chance),
            service=chance.choices(POSTAL_SERVICES, (80, 15, 5))[0],
            status=Status.PAID,
            reference=_reference(channel, number, chance),
            external_reference=f"{chance.randrange(10**11, 10**12)}" if channel.site else "",
            received=received,
            updated=received,
            paid=received + chance.randrange(600 * SECOND),
            lines=[],
            note="Please leave it with the neighbour." if place % 23 == 5 else "",
            folder="Gift" if place % 31 == 7 else "",
            is_prime=at_amazon and chance.random() < 0.4,
        )
        for line in range(chance.choices((1, 2, 3, 4), (62, 24, 10, 4))[0]):
            order.lines.append(self._line(order, line, place, chance))
        if any(order.location.id not in item.shelves for item, _ in order.goods):
            # The default location has everything.
            order.location = self._catalogue.locations[0]
        if place % 40 == 17 and place > 3:
            self._resend(order, before[place - 3])
        else:
            self._charge(order, chance)
        if place % 67 == 11:
            order.is_exchange = True
        _leave_open(order, place)
        return order

    def _finish(self, order: Order) -> None:
        """Decide what became of an order: sent, cancelled, or changed later still."""
        place = order.number - FIRST_NUMBER
        chance = self._dice.stream(f"process/{order.number}")
        done = order.received + chance.randrange(2 * 3_600 * SECOND, 60 * 3_600 * SECOND)
        midnight = _next_month(order.received)
        if midnight is not None:
            # At the end of a month everything is closed at once, on the stroke of midnight.
            done = midnight
        order.process(done)
        if place % 29 == 13:
            order.cancelled = done
        elif order.service.vendor:
            order.tracking = f"{order.service.code}{chance.randrange(10**12, 10**13)}"
        if place % 18 == 4:
            later = done + chance.randrange(DAY, 20 * DAY)
            order.updated = min(later, END * SECOND - SECOND)

    def _customer(
        self,
        channel: Channel,
        town: str,
        country: str,
        dial_code: int,
        number: int,
        chance: Random,
    ) -> Customer:
        first, last = chance.choice(self._first_names), chance.choice(self._last_names)
        is_business = channel.source == "DIRECT"
        return Customer(
            name=f"{first} {last}",
            company=f"{last} Trading" if is_business else "",
            email=f"{first}.{last}.{number % 997}@example.com".lower(),
            phone=f"+{dial_code} 555 {chance.randrange(1_000, 10_000)}",
            street=f"{chance.randrange(1, 120)} {chance.choice(self._streets)}",
            town=town,
            post_code=f"{chance.randrange(100_000):05d}",
            country=country,
            user=f"{first}{number % 97}".lower(),
            tax_id=f"XX{chance.randrange(10**8, 10**9)}" if is_business else "",
        )

    def _location(self, at_amazon: bool, chance: Random) -> Location:
        hub, _, fulfilment_centre = self._catalogue.locations
        if at_amazon and chance.random() < 0.5:
            return fulfilment_centre
        # One in five would go to the second location, if that sold anything for Linnworks; the
        # draw is kept, so that what is drawn after it stays the same.
        chance.random()
        return hub

    def _line(self, order: Order, line: int, place: int, chance: Random) -> Line:
        row = guid("line", f"{order.number}/{line}")
        quantity = 1 + int(chance.expovariate(1.6))
        percent_off = chance.choice((0,) * 9 + (10,))
        if line == 1 and place % 20 == 9:
            return Line(
                row=row,
                item=None,
                title="Gift wrapping",
                channel_sku="",
                quantity=1,
                unit_price=_convert(250, order.rate),
                tax_rate=order.country.tax_rate,
                is_service=True,
            )
        if line == 0 and place % 60 == 21:
            return Line(
                row=row,
                item=None,
                title="Unlisted article",
                channel_sku=f"EXT-{place:05d}",
                quantity=quantity,
                unit_price=_convert(chance.randrange(500, 4_000), order.rate),
                tax_rate=order.country.tax_rate,
            )
        item = self._item(order, place, chance)
        return Line(
            row=row,
            item=item,
            title=item.title,
            channel_sku=item.sku if order.channel.source != "EBAY" else f"{item.sku}-eb",
            quantity=quantity,
            unit_price=_convert(item.price, order.rate),
            percent_off=percent_off,
            tax_rate=order.country.tax_rate if item.tax_rate == COUNTRY_RATE else item.tax_rate,
            children=[
                Line(
                    row=guid("line", f"{order.number}/{line}/{child}"),
                    item=component,
                    title=component.title,
                    channel_sku="",
                    quantity=count * quantity,
                )
                for child, (component, count) in enumerate(item.components)
            ],
        )

    def _item(self, order: Order, place: int, chance: Random) -> Item:
        if place % 16 == 3:
            return chance.choice(self._catalogue.kits)
        if place % 45 == 8 and order.received < START * SECOND + _FIRST_YEAR:
            return chance.choice(self._catalogue.discontinued)
        weights = self._catalogue.sold_often
        return self._catalogue.products[bisect(weights, chance.random() * weights[-1])]

    def _charge(self, order: Order, chance: Random) -> None:
        """Work out lines, postage and discount."""
        for line in order.lines:
            listed = line.quantity * line.unit_price
            amount = listed - (listed * line.percent_off + 50) // 100
            if order.channel.tax_included:
                line.net = _without_tax(amount, line.tax_rate)
                line.tax = amount - line.net
            else:
                line.net = amount
                line.tax = (amount * line.tax_rate + 5_000) // 10_000
        goods = sum(line.gross for line in order.lines)
        if goods < _convert(5_000, order.rate):
            order.postage = _convert(order.service.price, order.rate)
            order.postage_net = _without_tax(order.postage, order.country.tax_rate)
        if chance.random() < 0.08:
            order.discount = goods // 20

    def _resend(self, order: Order, original: Order) -> None:
        """Make an order the repetition of an earlier one, free of charge."""
        order.is_resend, order.status = True, Status.RESEND
        order.channel, order.customer = original.channel, original.customer
        order.country, order.rate = original.country, original.rate
        order.reference, order.is_prime = original.reference, original.is_prime
        for line in order.lines:
            line.unit_price = line.percent_off = 0


def _reference(channel: Channel, number: int, chance: Random) -> str:
    if channel.source == "AMAZON":
        parts = (chance.randrange(100, 1_000), chance.randrange(10**6, 10**7), number)
        return "{}-{:07d}-{:07d}".format(*parts)
    return {"EBAY": "E-", "SHOPIFY": "#", "DIRECT": "T"}[channel.source] + str(number)


def _leave_open(order: Order, place: int) -> None:
    """What is peculiar to some orders while they are open."""
    if order.is_resend:
        return
    if place % 11 == 2:
        order.status, order.paid = Status.UNPAID, None
    elif place % 13 == 6:
        order.status, order.paid = Status.PENDING, None
    order.is_parked = place % 17 == 9


def _next_month(received: int) -> int | None:
    """The first instant of the next month, if it is less than 18 hours away."""
    moment = datetime.fromtimestamp(received // SECOND, UTC)
    turn = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    midnight = int(turn.timestamp()) * SECOND
    return midnight if midnight - received < 18 * 3_600 * SECOND else None


def _convert(cents: int, rate: float) -> int:
    """Base currency to the order's currency."""
    return round(cents / rate)


def _without_tax(gross: int, tax_rate: int) -> int:
    return (gross * 20_000 + 10_000 + tax_rate) // (2 * (10_000 + tax_rate))
