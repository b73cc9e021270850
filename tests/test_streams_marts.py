"""From the sensors' messages to the live marts: control totals taken from the messages."""

import json
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from inventory_platform.assets.dbt_project import run_dbt
from inventory_platform.landing.views import create_views
from inventory_platform.sandbox.brokers import Sent, publish_mqtt
from inventory_platform.sandbox.devices import device_batch, serve_devices
from inventory_platform.warehouse import open_warehouse
from tests.stream_driver import Desk, need_mosquitto

pytestmark = pytest.mark.slow


def events() -> dict[str, dict[str, Any]]:
    """Every usable event of the batch, by id, as the messages say it."""
    batch = device_batch()
    unusable = {*batch.odd["broken"], *batch.odd["future"]}
    said = [json.loads(m.payload) for n, m in enumerate(batch.messages) if n not in unusable]
    return {event["event_id"]: event for event in said}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The sensors' day in one load, then an event of the morning, half a day late."""
    need_mosquitto()
    folder = tmp_path_factory.mktemp("live")
    desk = Desk(folder / "data", "iot_devices.stock_events")
    late = dict(next(iter(events().values())), event_id="late", quantity=7, event_type="Stock In")
    with serve_devices(folder / "broker") as address:
        desk.load(address, {"idle_seconds": 0.3})
        publish_mqtt(address, [Sent("devices/x/stock", "x", json.dumps(late).encode())])
        assert desk.load(address, {"idle_seconds": 0.3}).rows_loaded == 1
    keep_book(desk)
    run_dbt(
        desk.settings, "build", "--select", "stg_iot_devices__stock_events+",
        "--exclude-resource-type", "unit_test",
        "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"),
    )  # fmt: skip
    return desk


def keep_book(desk: Desk) -> None:
    """What the live models read besides the stream: names, places, and a book of one product.

    Of SKU-00001 there were 100 in Warehouse North on the evening before the sensors' day.
    """
    with open_warehouse(desk.settings) as con:
        create_views(con, desk.lake, [desk.contract])
        con.execute("create schema reference; create schema transformed; create schema marts")
        con.execute(
            "create table transformed.product_keys "
            "(source varchar, source_product_key varchar, product_id varchar)"
        )
        con.execute(
            "create table transformed.location_keys as select 'iot_devices' as source, "
            "'Warehouse North' as source_location_key, 'NTH' as location_id"
        )
        con.execute(
            "create table reference.locations as select 'NTH' as location_id, 'UTC' as time_zone"
        )
        con.execute(
            "create table marts.fct_stock_daily as select 'SKU-00001' as product_id, "
            "'NTH' as location_id, date '2026-09-29' as stock_date, 100 as closing_quantity"
        )


def ask(desk: Desk, sql: str) -> list[Any]:
    with open_warehouse(desk.settings) as con:
        return con.sql(sql).fetchall()


def changes() -> Counter[tuple[str, str]]:
    """Units by which sensors saw the stock of each product and location change."""
    counted: Counter[tuple[str, str]] = Counter()
    for event in events().values():
        sign = 1 if event["event_type"] == "Stock In" else -1
        counted[event["sku"], event["location"]] += sign * event["quantity"]
    first = next(iter(events().values()))
    counted[first["sku"], first["location"]] += 7
    return counted


def test_live_stock_is_the_book_and_everything_that_came_in_less_what_went_out(desk):
    expected = changes()
    expected["SKU-00001", "Warehouse North"] += 100
    rows = ask(desk, "select sku, location, quantity_on_hand from marts.fct_live_stock")
    assert {(sku, location): quantity for sku, location, quantity in rows} == expected


def test_the_book_is_that_of_the_evening_before_and_under_the_same_keys(desk):
    rows = ask(
        desk,
        "select product_id, location_id, cast(closed_date as varchar), closing_quantity, "
        "quantity_change from marts.fct_live_stock "
        "where sku = 'SKU-00001' and location in ('Warehouse North', 'City Store') order by 2",
    )
    seen = changes()
    assert rows == [
        ("SKU-00001", "NTH", "2026-09-29", 100, seen["SKU-00001", "Warehouse North"]),
        (
            "SKU-00001",
            "iot_devices-City Store",
            "2026-09-29",
            None,
            seen["SKU-00001", "City Store"],
        ),
    ]


def test_windows_hold_every_event_once_in_its_own_five_minutes(desk):
    expected: Counter[str] = Counter()
    for event in events().values():
        at = datetime.fromisoformat(event["event_time"])
        expected[f"{at:%Y-%m-%d %H}:{at.minute // 5 * 5:02d}:00"] += 1
    first = datetime.fromisoformat(next(iter(events().values()))["event_time"])
    expected[f"{first:%Y-%m-%d %H}:{first.minute // 5 * 5:02d}:00"] += 1
    rows = ask(
        desk,
        "select cast(window_start_at as varchar), sum(events) from marts.fct_live_stock_windows "
        "group by all",
    )
    assert dict(rows) == expected


def test_windows_and_stock_say_the_same(desk):
    changed = (
        "select sku, location, sum(quantity_change) from marts.fct_live_stock_windows group by all"
    )
    since = "select sku, location, quantity_change from marts.fct_live_stock"
    assert sorted(ask(desk, changed)) == sorted(ask(desk, since))


def test_a_late_event_is_counted_where_it_happened_and_as_late(desk):
    rows = ask(
        desk,
        "select cast(window_start_at as varchar), late_events from marts.fct_live_stock_windows "
        "where late_events > 0",
    )
    assert rows == [("2026-09-30 00:00:00", 1)]
