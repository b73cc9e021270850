"""What the sandbox's sensors and its web shop say, as messages.

Sensors at shelves and gates count goods (`devices/<sensor>/stock`, MQTT); the shop tells what
visitors do and how orders move on (`shop-activity`, `shop-orders`, Kafka's protocol). A fixed
batch is the same on any day, so publishing it again brings nothing new; endless traffic has
numbers and times of its own. What is wrong on purpose is listed with the batch (`Batch.odd`).
How brokers are started, and how messages get there, is in `brokers.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from inventory_platform.sandbox.brokers import (
    KafkaCluster,
    MosquittoBroker,
    Sent,
    open_session,
    publish_kafka,
    publish_mqtt,
)
from inventory_platform.sandbox.codes import sku
from inventory_platform.sandbox.period import DAY, END
from inventory_platform.sandbox.reference import SEEDS, USUAL_ROWS, Dice, load_reference

DEVICE_EVENTS = 2_000
ACTIVITY_EVENTS = 3_000
SHOP_DAYS = 7
"""Days whose messages the web shop's topics still hold."""

TOPIC = "devices/+/stock"
SESSION = "inventory-devices-any-stock"
"""Session for which the broker keeps messages until the platform comes to read them."""

_SEED = 7
_PRODUCTS = 60
_SENSORS_PER_LOCATION = 10
_LOCATIONS = {
    "NTH": "Warehouse North",
    "STH": "Warehouse South",
    "EST": "Warehouse East",
    "CTR": "City Store",
}
_SKEWED = {"NTH-03": timedelta(minutes=2), "CTR-07": timedelta(seconds=-90)}
"""Sensors whose clocks are wrong, but not by much."""


@dataclass(frozen=True)
class Batch:
    """Messages in the order in which they are published.

    Attributes:
        messages: The messages.
        odd: What is wrong with some → their places: `repeated`, `late` (published after younger
            ones), `skewed` (by a wrong clock), `future` (dated years ahead), `broken` (cannot be
            read, or says something impossible).
    """

    messages: list[Sent]
    odd: dict[str, list[int]]


# -- sensors -------------------------------------------------------------------------------


@dataclass
class Sensors:
    """All sensors and what they have seen so far, so that no shelf gives what it has not.

    Attributes:
        name: First part of every event's id.
        random: Where chance comes from.
    """

    name: str
    random: Random
    _stock: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _sequence: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def see(self, at: datetime) -> tuple[str, dict[str, Any]]:
        """The next event, at an instant: the sensor that sees it, and what it says."""
        code = self.random.choice(list(_LOCATIONS))
        sensor = f"{code}-{self.random.randint(1, _SENSORS_PER_LOCATION):02d}"
        product = sku(self.random.randint(1, _PRODUCTS))
        left = self._stock[product, code]
        if left < 4 or self.random.random() < 0.05:
            kind, quantity = "Stock In", self.random.randint(10, 40)
        else:
            kind, quantity = "Stock Out", self.random.randint(1, 3)
        self._stock[product, code] += quantity if kind == "Stock In" else -quantity
        self._sequence[sensor] += 1
        number = self._sequence[sensor]
        return sensor, {
            "event_id": f"{self.name}-{sensor}-{number:06d}",
            "device_id": sensor,
            "sequence": number,
            "sku": product,
            "location": _LOCATIONS[code],
            "event_type": kind,
            "quantity": quantity,
            "event_time": _instant(at + _SKEWED.get(sensor, timedelta())),
        }


def device_batch(events: int = DEVICE_EVENTS) -> Batch:
    """The sensors' last day of the sandbox's period, with what is wrong with it.

    Args:
        events: Number of different good events; repeats and unusable ones come on top.
    """
    dice = Dice(_SEED)
    random = dice.stream("sensors")
    sensors = Sensors("day", random)
    beginning = datetime.fromtimestamp(END - DAY, UTC)
    step = timedelta(seconds=DAY / events)
    seen = [sensors.see(beginning + step * number) for number in range(events)]
    messages = [_of_sensor(sensor, event) for sensor, event in seen]
    skewed = {id(messages[n]) for n, (sensor, _) in enumerate(seen) if sensor in _SKEWED}
    late = _delay(messages, dice.stream("late"), every=50)
    repeated = _repeat(messages, dice.stream("repeats"), every=100)
    future = _of_sensor(
        "EST-05", seen[0][1] | {"event_id": "future-1", "event_time": "2036-01-01T00:00:00.000Z"}
    )
    messages.append(future)
    broken = _insert(messages, _broken_device_messages(seen[0][1]))
    return Batch(
        messages,
        {
            "repeated": _places(messages, repeated),
            "late": _places(messages, late),
            "skewed": [n for n, m in enumerate(messages) if id(m) in skewed],
            "future": _places(messages, {id(future)}),
            "broken": _places(messages, broken),
        },
    )


def device_traffic(name: str, clock: Callable[[], datetime]) -> Iterator[Sent]:
    """Endless good events of the sensors, each at the clock's instant.

    Args:
        name: First part of every event's id; another one for every run.
        clock: Tells the time, UTC.
    """
    sensors = Sensors(name, Dice(_SEED).stream(name))
    while True:
        yield _of_sensor(*sensors.see(clock()))


def _of_sensor(sensor: str, event: dict[str, Any]) -> Sent:
    return Sent(f"devices/{sensor}/stock", sensor, json.dumps(event).encode())


def _broken_device_messages(event: dict[str, Any]) -> list[Sent]:
    good = json.dumps(event).encode()
    payloads = [
        b"",
        b"LOW BATTERY",
        good[: len(good) // 2],
        b"\xff\xfe" + good,
        json.dumps(event | {"event_id": "broken-1", "quantity": -4}).encode(),
        json.dumps(event | {"event_id": "broken-2", "event_type": "Stock Lost"}).encode(),
        json.dumps(event | {"event_id": None}).encode(),
        json.dumps(event | {"event_id": "broken-3", "event_time": "yesterday"}).encode(),
    ]
    return [Sent("devices/STH-01/stock", "STH-01", payload) for payload in payloads]


# -- web shop ------------------------------------------------------------------------------


_SEARCHES = ["mug", "pan", "knife", "cutting board", "lamp", "towel", "gift", "garden"]
_CHANNELS = ["search engine", "direct", "direct", "newsletter", "marketplace", "social"]


def shop_batch(events: int = ACTIVITY_EVENTS) -> Batch:
    """The shop's last week of the sandbox's period: `events` activities and the orders of them."""
    dice = Dice(_SEED)
    # One message in fifty is about orders, so the last activity is late in the last evening.
    step = timedelta(seconds=SHOP_DAYS * DAY / events / 1.03)
    clock = _evenly(datetime.fromtimestamp(END - SHOP_DAYS * DAY, UTC), step)
    visits = _visits("day", dice.stream("visits"), clock)
    activity: list[Sent] = []
    orders: list[Sent] = []
    while len(activity) < events:
        message = next(visits)
        (activity if message.topic == "shop-activity" else orders).append(message)
    repeated = _repeat(activity, dice.stream("shop repeats"), every=200)
    broken = _insert(
        activity,
        [
            Sent("shop-activity", "0", b"<html>502 Bad Gateway</html>"),
            Sent("shop-activity", "0", b'["view"]'),
            Sent("shop-activity", "0", b'{"event_id": "broken-1", "event_type": "view"}'),
        ],
    )
    messages = activity + orders
    return Batch(
        messages,
        {"repeated": _places(messages, repeated), "broken": _places(messages, broken)},
    )


def shop_traffic(name: str, clock: Callable[[], datetime]) -> Iterator[Sent]:
    """Endless activity and orders of the shop, each at the clock's instant."""
    return _visits(name, Dice(_SEED).stream(name), clock)


def _visits(name: str, random: Random, clock: Callable[[], datetime]) -> Iterator[Sent]:
    prices = load_reference(SEEDS, USUAL_ROWS).products["price"]
    for visit in count(1):
        session = f"{name}-{visit:07d}"
        number = random.randint(1, _PRODUCTS)
        product = sku(number)
        told = {"session_id": session, "channel": random.choice(_CHANNELS)}
        steps: list[dict[str, Any]] = []
        if random.random() < 0.3:
            steps.append({"event_type": "search", "search_text": random.choice(_SEARCHES)})
        steps += [{"event_type": "view", "sku": product}] * random.randint(1, 4)
        quantity = random.randint(1, 3)
        buys = random.random() < 0.02
        if buys or random.random() < 0.2:
            steps.append({"event_type": "add_to_cart", "sku": product, "quantity": quantity})
        if buys:
            steps.append({"event_type": "checkout", "sku": product, "quantity": quantity})
        for place, step in enumerate(steps, start=1):
            event = {"event_id": f"{session}-{place}", **told, **step}
            yield _of_shop("shop-activity", session, event, clock())
        if buys:
            amount = f"{quantity * prices[number - 1] / 100:.2f}"
            order = {"order_number": f"E-{session}", "sku": product, "quantity": quantity}
            is_cancelled = random.random() < 0.1
            for stage in ("placed", "cancelled") if is_cancelled else ("placed", "paid", "shipped"):
                event = {"event_id": f"{session}-{stage}", **order, "event_type": stage}
                yield _of_shop("shop-orders", session, event | {"total_amount": amount}, clock())


def _of_shop(topic: str, key: str, event: dict[str, Any], at: datetime) -> Sent:
    return Sent(topic, key, json.dumps(event | {"event_time": _instant(at)}).encode())


# -- what goes wrong -----------------------------------------------------------------------


def _delay(messages: list[Sent], random: Random, every: int) -> set[int]:
    """Publish one of `every` messages up to sixty places later; returns which."""
    chosen = range(0, len(messages) - 60, every)
    moved = [messages[place] for place in chosen]
    for place in reversed(chosen):
        messages.insert(place + random.randint(5, 60), messages.pop(place))
    return {id(message) for message in moved}


def _repeat(messages: list[Sent], random: Random, every: int) -> set[int]:
    """Publish one of `every` messages twice; returns the second ones."""
    chosen = range(0, len(messages) - 60, every)
    repeats = [Sent(m.topic, m.key, m.payload) for m in (messages[place] for place in chosen)]
    for place, repeat in reversed(list(zip(chosen, repeats, strict=True))):
        messages.insert(place + random.randint(1, 60), repeat)
    return {id(message) for message in repeats}


def _insert(messages: list[Sent], others: list[Sent]) -> set[int]:
    """Spread further messages evenly; returns them."""
    gap = len(messages) // (len(others) + 1)
    for number, message in enumerate(others, start=1):
        messages.insert(number * gap, message)
    return {id(message) for message in others}


def _places(messages: list[Sent], wanted: set[int]) -> list[int]:
    return [place for place, message in enumerate(messages) if id(message) in wanted]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _evenly(beginning: datetime, step: timedelta) -> Callable[[], datetime]:
    numbers = count()
    return lambda: beginning + next(numbers) * step


@contextmanager
def serve_devices(folder: Path) -> Iterator[str]:
    """A Mosquitto with the sensors' day waiting to be read; yields its address.

    Raises:
        InventoryError: Mosquitto is not installed, or does not start.
    """
    with MosquittoBroker(folder) as broker:
        open_session(broker.address, SESSION, TOPIC)
        publish_mqtt(broker.address, device_batch().messages)
        yield broker.address


@contextmanager
def serve_shop() -> Iterator[str]:
    """A Kafka test cluster with the shop's week waiting to be read; yields its address."""
    with KafkaCluster() as cluster:
        publish_kafka(cluster.address, shop_batch().messages)
        yield cluster.address
