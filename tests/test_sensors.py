"""The sensors for new files: a run for what no load took in yet, and nothing twice."""

import time
import uuid

import dagster as dg
import pytest

from inventory_platform.assets.raw import raw_key
from inventory_platform.automation.sensors import build_file_sensors
from inventory_platform.contracts.base import contracts_of
from inventory_platform.errors import SourceError
from inventory_platform.registry import Registry
from inventory_platform.sources.catalog import Source

CONTRACTS = contracts_of("shop_files")
ORDERS = (
    "OrderNo,Line,OrderDate,Customer,City,SKU,Product,Quantity,UnitPrice,Total\n"
    "W-1,{},01/09/2026,A,B,SKU-00001,Mug,6,1,6\n"
)
VISIT = '{{"event_id": "1-{}", "session_id": 1, "visitor_id": "V1", "event": "view"}}\n'


class Watched:
    """A drop folder with its registry and its sensor."""

    def __init__(self, shop, instance):
        self.instance = instance
        self.folder = shop.folder / "drop"
        self.folder.mkdir()
        self.settings = shop.settings
        self.declare({})

    def declare(self, files):
        """Start with what `sources.toml` says of how files are written."""
        options = {"settle_seconds": 0, "files": files}
        source = Source("shop_files", str(self.folder), options=options)
        contracts = {c.relation: c for c in CONTRACTS.values()}
        self.registry = Registry(self.settings, {"shop_files": source}, contracts)
        (self.sensor,) = build_file_sensors(self.registry)

    def put(self, name, content):
        (self.folder / name).write_text(content)

    def tick(self):
        with dg.build_sensor_context(self.instance) as context:
            return self.sensor.evaluate_tick(context)

    def run(self, request, status=dg.DagsterRunStatus.STARTED):
        """The run that the daemon makes of a request."""
        run = dg.DagsterRun("load", str(uuid.uuid4()), status=status, tags=request.tags)
        return self.instance.add_run(run)

    def request(self):
        (request,) = self.tick().run_requests
        return request

    def load(self, name):
        source = self.registry.sources["shop_files"]
        return self.registry.loader(source).load(CONTRACTS[name])


@pytest.fixture
def watched(shop):
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(shop, instance)


def test_the_sensor_is_on_from_the_start_and_never_looks_more_often_than_every_half_minute(watched):
    assert watched.sensor.name == "new_files_shop_files"
    assert watched.sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert watched.sensor.minimum_interval_seconds == 30


def test_an_empty_folder_asks_for_nothing_and_says_so(watched):
    tick = watched.tick()
    assert tick.run_requests == []
    assert tick.skip_message == "No new files in shop_files."


def test_new_files_ask_for_one_run_of_just_their_tables(watched):
    watched.put("orders_1.csv", ORDERS.format(1))
    watched.put("orders_2.csv", ORDERS.format(2))
    watched.put("user_activity_1.jsonl.gz", VISIT.format(1))
    watched.put("notes.txt", "nothing for us")
    request = watched.request()
    assert request.asset_selection == [
        raw_key(CONTRACTS["orders"]),
        raw_key(CONTRACTS["user_activity"]),
    ]
    assert request.tags["inventory/source"] == "shop_files"
    assert request.tags["inventory/files"] == (
        "orders_1.csv, orders_2.csv, user_activity_1.jsonl.gz"
    )


def test_the_same_batch_has_the_same_run_key_and_another_batch_another(watched):
    watched.put("orders_1.csv", ORDERS.format(1))
    first = watched.request().run_key
    assert watched.request().run_key == first
    watched.put("orders_2.csv", ORDERS.format(2))
    assert watched.request().run_key != first


def test_what_was_loaded_is_not_asked_for_again_even_under_another_name(watched):
    watched.put("orders_1.csv", ORDERS.format(1))
    watched.load("orders")
    assert watched.tick().run_requests == []
    (watched.folder / "orders_1.csv").rename(watched.folder / "orders_renamed.csv")
    assert watched.tick().run_requests == []
    watched.put("orders_2.csv", ORDERS.format(2))
    assert watched.request().tags["inventory/files"] == "orders_2.csv"


def test_a_batch_is_not_asked_for_while_its_run_goes_on_or_when_it_ended_well(watched):
    watched.put("orders_1.csv", ORDERS.format(1))
    run = watched.run(watched.request())
    assert watched.tick().skip_message == "These files were asked for already; that run is STARTED."
    watched.instance.report_run_canceled(run)
    assert watched.tick().run_requests == []
    watched.put("orders_2.csv", ORDERS.format(2))
    assert watched.request().tags["inventory/files"] == "orders_1.csv, orders_2.csv"


def test_a_batch_whose_run_failed_is_asked_for_three_times_ever_later(watched, monkeypatch):
    watched.put("orders_1.csv", ORDERS.format(1))
    keys = set()
    for minutes in (5, 20):
        request = watched.request()
        keys.add(request.run_key)
        watched.instance.report_run_failed(watched.run(request))
        assert f"again {minutes} minutes after" in watched.tick().skip_message
        later = time.time() + minutes * 60 + 1
        monkeypatch.setattr("inventory_platform.automation.sensors.time.time", lambda at=later: at)
    request = watched.request()
    keys.add(request.run_key)
    assert len(keys) == 3
    watched.instance.report_run_failed(watched.run(request))
    assert watched.tick().skip_message.startswith("Loading these files failed 3 times")


def test_the_load_of_new_files_is_to_be_followed_by_a_build(watched):
    watched.put("orders_1.csv", ORDERS.format(1))
    assert watched.request().tags["inventory/build_after"] == "if_new"


def test_a_file_that_was_refused_is_not_asked_for_again(watched):
    watched.put("orders_1.csv", "")
    assert watched.load("orders").rows_quarantined == 1
    assert watched.tick().run_requests == []


def test_a_file_that_was_refused_is_asked_for_again_once_it_is_declared_otherwise(watched):
    watched.put("orders_1.csv", ORDERS.format(1).replace(",", ";"))
    watched.run(watched.request(), dg.DagsterRunStatus.SUCCESS)
    assert watched.load("orders").rows_quarantined == 1
    assert watched.tick().run_requests == []
    watched.declare({"orders_*.csv": {"delimiter": ";"}})
    assert watched.request().tags["inventory/files"] == "orders_1.csv"
    assert watched.load("orders").rows_read == 1
    assert watched.tick().run_requests == []


def test_tables_that_are_compared_whole_are_left_to_the_schedule(watched):
    watched.put("supplier_history.csv", "SKU,Supplier\n")
    assert watched.tick().run_requests == []


def test_many_files_are_counted_and_not_all_named(watched):
    for number in range(8):
        watched.put(f"orders_{number}.csv", ORDERS.format(number))
    assert watched.request().tags["inventory/files"].endswith("orders_4.csv and 3 more")


def test_a_folder_that_is_gone_fails_the_tick_with_its_name(watched):
    watched.folder.rmdir()
    with pytest.raises(SourceError, match=r"drop does not exist"):
        watched.tick()


def test_only_sources_of_files_have_such_a_sensor(shop):
    contracts = {c.relation: c for c in contracts_of("inventory_db").values()}
    source = Source("inventory_db", "sqlite:///nowhere.db")
    assert build_file_sensors(Registry(shop.settings, {"inventory_db": source}, contracts)) == []
