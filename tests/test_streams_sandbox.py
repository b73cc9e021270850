"""The sandbox's messages: the same on any day, plausible, and wrong only where it says so."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import islice

import pytest

from inventory_platform.errors import InventoryError
from inventory_platform.sandbox import brokers
from inventory_platform.sandbox.brokers import KafkaCluster, MosquittoBroker, publish_kafka
from inventory_platform.sandbox.devices import (
    device_batch,
    device_traffic,
    shop_batch,
    shop_traffic,
)

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)


def test_the_fixed_batches_are_always_the_same():
    assert device_batch() == device_batch()
    assert shop_batch() == shop_batch()


def test_no_shelf_gives_what_it_has_not():
    stock: Counter[tuple[str, str]] = Counter()
    for message in islice(device_traffic("live", lambda: NOW), 5000):
        event = json.loads(message.payload)
        shelf = event["sku"], event["location"]
        stock[shelf] += event["quantity"] * (1 if event["event_type"] == "Stock In" else -1)
        assert stock[shelf] >= 0


def test_the_sensors_day_has_two_thousand_different_good_events():
    batch = device_batch()
    wrong = {n for kind in ("broken", "future", "repeated") for n in batch.odd[kind]}
    good = [json.loads(m.payload) for n, m in enumerate(batch.messages) if n not in wrong]
    assert len(good) == len({event["event_id"] for event in good}) == 2000
    assert {event["event_time"][:10] for event in good} == {"2026-09-30"}


def test_each_sensor_numbers_its_events_without_gaps():
    numbers = defaultdict(list)
    for message in islice(device_traffic("live", lambda: NOW), 1000):
        event = json.loads(message.payload)
        numbers[event["device_id"]].append(event["sequence"])
    assert len(numbers) == 40
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_late_messages_come_after_younger_ones():
    batch = device_batch()
    for place in batch.odd["late"]:
        at = json.loads(batch.messages[place].payload)["event_time"]
        before = batch.messages[max(0, place - 61) : place]
        assert any(json.loads(m.payload)["event_time"] > at for m in before if _is_event(m.payload))


def _is_event(payload: bytes) -> bool:
    return payload.startswith(b"{") and payload.endswith(b"}")


def test_a_repeat_says_the_same_as_an_earlier_message():
    batch = shop_batch()
    for place in batch.odd["repeated"]:
        assert batch.messages[place] in batch.messages[:place]


def test_orders_follow_from_checkouts():
    batch = shop_batch()
    checkouts, placed = set(), set()
    for n, message in enumerate(batch.messages):
        if n in batch.odd["broken"]:
            continue
        event = json.loads(message.payload)
        if event["event_type"] == "checkout":
            checkouts.add(event["session_id"])
        if event["event_type"] == "placed":
            placed.add(event["order_number"].removeprefix("E-"))
    assert placed
    assert placed <= checkouts
    assert len(checkouts - placed) <= 1


def test_traffic_under_another_name_is_other_traffic():
    one, other = (
        {json.loads(m.payload)["event_id"] for m in islice(shop_traffic(name, lambda: NOW), 500)}
        for name in ("one", "other")
    )
    assert len(one) == len(other) == 500
    assert not one & other


def test_messages_are_published_at_a_rate():
    with KafkaCluster() as cluster:
        started = datetime.now(UTC)
        sent = publish_kafka(
            cluster.address, islice(device_traffic("live", lambda: NOW), 101), rate=100
        )
    assert sent == 101
    assert (datetime.now(UTC) - started).total_seconds() >= 1


def test_without_mosquitto_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    with pytest.raises(InventoryError, match=r"scripts/install-test-servers\.sh"):
        MosquittoBroker(tmp_path).start()
