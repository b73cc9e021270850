"""Loading streams without end: kills, restarts and cut networks lose nothing and double nothing."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
import pytest

from inventory_platform.errors import InventoryError, LandingError
from inventory_platform.landing.lake import LoadRecord
from inventory_platform.landing.loader import Loader
from inventory_platform.operations import streaming
from inventory_platform.operations.streaming import reporter, stream
from inventory_platform.sandbox.brokers import (
    KafkaCluster,
    MosquittoBroker,
    open_session,
    publish_kafka,
    publish_mqtt,
)
from inventory_platform.sandbox.devices import SESSION, TOPIC, device_batch, shop_batch
from inventory_platform.sources.sqlite import SqliteReader
from tests.stream_driver import PACE, Desk, need_mosquitto

pytestmark = pytest.mark.slow

STOCK = "iot_devices.stock_events"
ACTIVITY = "shop_events.activity"
DRIVER = Path(__file__).with_name("stream_driver.py")
SECONDS = 40
QUICK = {"idle_seconds": 0.3}

DEVICE_MESSAGES = device_batch().messages
SHOP_MESSAGES = [m for m in shop_batch().messages if m.topic == "shop-activity"]


def until(condition: Callable[[], bool]) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


@pytest.fixture
def broker(tmp_path):
    need_mosquitto()
    with MosquittoBroker(tmp_path / "broker") as started:
        open_session(started.address, SESSION, TOPIC)
        yield started


class Following:
    """A stream being loaded in a thread of this process."""

    def __init__(self, desk: Desk, address: str) -> None:
        self.landed: list[LoadRecord] = []
        self.stop = threading.Event()
        self.error: InventoryError | None = None
        self._desk, self._address = desk, address
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        desk, address = self._desk, self._address
        try:
            stream(
                [desk.contract],
                lambda: desk.loader(address, QUICK if address.startswith("mqtt") else None),
                landed=self.landed.append,
                pace=PACE,
                stop=self.stop,
            )
        except InventoryError as error:
            self.error = error

    def rows(self) -> int:
        return sum(record.rows_loaded for record in self.landed)

    def end(self) -> None:
        self.stop.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        assert self.error is None


@contextmanager
def following(desk: Desk, address: str) -> Iterator[Following]:
    follower = Following(desk, address)
    try:
        yield follower
    finally:
        follower.end()


@contextmanager
def driver(address: str, folder: Path, name: str, *point: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), address, str(folder), name, *point],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(DRIVER.parents[1])},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# -- kills ---------------------------------------------------------------------------------

KILLS = [
    ("loader.Loader.load", "before", "2"),  # received, nothing kept
    ("lake.Lake._commit_record", "before", "2"),  # files in place, not committed
    ("lake.Lake.commit", "after", "2"),  # committed, not acknowledged
]


@pytest.mark.parametrize("point", KILLS, ids=["received", "kept", "committed"])
def test_a_killed_consumer_of_mqtt_loses_and_doubles_nothing(broker, tmp_path, point):
    desk = Desk(tmp_path / "data", STOCK)
    publish_mqtt(broker.address, DEVICE_MESSAGES[:1000])
    with driver(broker.address, tmp_path / "data", STOCK, *point) as process:
        # The first load takes what is there, the second what comes while it is looked at.
        until(lambda: bool(desk.records()))
        publish_mqtt(broker.address, DEVICE_MESSAGES[1000:])
        assert process.wait(SECONDS) == -signal.SIGKILL
    while desk.load(broker.address, QUICK).rows_read:
        pass
    assert len(desk.current()) == desk.versions() == 2000
    assert len(desk.rejects()) == 9
    assert desk.adds_up()


@pytest.mark.parametrize("point", KILLS, ids=["received", "kept", "committed"])
def test_a_killed_consumer_of_kafka_loses_and_doubles_nothing(tmp_path, point):
    desk = Desk(tmp_path, ACTIVITY)
    with KafkaCluster() as cluster:
        publish_kafka(cluster.address, SHOP_MESSAGES[:1000])
        with driver(cluster.address, tmp_path, ACTIVITY, *point) as process:
            until(lambda: bool(desk.records()))
            publish_kafka(cluster.address, SHOP_MESSAGES[1000:])
            assert process.wait(SECONDS) == -signal.SIGKILL
        while desk.load(cluster.address).rows_read:
            pass
    assert len(desk.current()) == desk.versions() == 3000
    # Offsets are part of the commit, so no message is ever read by two loads.
    assert sum(record.rows_read for record in desk.records()) == len(SHOP_MESSAGES)
    assert desk.adds_up()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lands_what_was_received_and_ends_well(tmp_path, ending):
    desk = Desk(tmp_path, ACTIVITY)
    with KafkaCluster() as cluster:
        publish_kafka(cluster.address, SHOP_MESSAGES[:100])
        with driver(cluster.address, tmp_path, ACTIVITY) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["rows_read"] == 100
            publish_kafka(cluster.address, SHOP_MESSAGES[100:200])
            until(lambda: len(desk.records()) > 1)
            process.send_signal(ending)
            assert process.wait(SECONDS) == 0
    assert sum(record.rows_read for record in desk.records()) == 200
    assert desk.adds_up()


# -- brokers and networks that go away -----------------------------------------------------


def test_a_broker_that_restarts_in_the_middle_is_found_again(broker, tmp_path):
    desk = Desk(tmp_path / "data", STOCK)
    with following(desk, broker.address) as follower:
        publish_mqtt(broker.address, DEVICE_MESSAGES[:1000])
        until(lambda: follower.rows() > 500)
        broker.stop()
        time.sleep(0.5)
        broker.start()
        publish_mqtt(broker.address, DEVICE_MESSAGES[1000:])
        until(lambda: follower.rows() >= 2000)
    assert len(desk.current()) == desk.versions() == 2000
    assert desk.adds_up()


def test_a_broker_that_is_away_at_the_start_is_waited_for(tmp_path):
    need_mosquitto()
    desk = Desk(tmp_path / "data", STOCK)
    broker = MosquittoBroker(tmp_path / "broker")
    with following(desk, broker.address) as follower:
        time.sleep(0.5)
        assert follower.error is None
        with broker:
            until(lambda: bool(desk.records()))
            publish_mqtt(broker.address, DEVICE_MESSAGES[:10])
            until(lambda: follower.rows() == 10)


class Proxy:
    """A TCP connection between reader and broker that can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._ended, self._is_to_be_cut = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self) -> None:
        """End every connection, with whatever is on its way."""
        self._is_to_be_cut.set()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._is_to_be_cut.is_set():
                self._is_to_be_cut.clear()
                for pair in list(self._pairs):
                    self._end(pair[0])
            sides = {a: b for pair in self._pairs for a, b in (pair, pair[::-1])}
            ready, _, _ = select.select([self._listener, *sides], [], [], 0.1)
            for side in ready:
                if side is self._listener:
                    broker = socket.create_connection(("127.0.0.1", self._target))
                    self._pairs.append((side.accept()[0], broker))
                elif any(side in pair for pair in self._pairs):
                    self._pass_on(side, sides[side])

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            data = source.recv(65_536)
            target.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._end(source)

    def _end(self, side: socket.socket) -> None:
        for pair in [pair for pair in self._pairs if side in pair]:
            self._pairs.remove(pair)
            for end in pair:
                end.close()


def test_a_network_that_is_cut_in_the_middle_loses_and_doubles_nothing(broker, tmp_path):
    desk = Desk(tmp_path / "data", STOCK)
    with (
        closing(Proxy(broker.port)) as proxy,
        following(desk, f"mqtt://127.0.0.1:{proxy.port}") as follower,
    ):
        until(lambda: bool(desk.records()))
        ended = threading.Event()

        def cut_now_and_then() -> None:
            while not ended.wait(0.6):
                proxy.cut()

        cutter = threading.Thread(target=cut_now_and_then)
        cutter.start()
        publish_mqtt(broker.address, DEVICE_MESSAGES, rate=1000)
        ended.set()
        cutter.join()
        until(lambda: follower.rows() >= 2000)
    assert len(desk.current()) == desk.versions() == 2000
    assert desk.adds_up()


_CLUSTER = """
import sys, time
from inventory_platform.sandbox.brokers import KafkaCluster
cluster = KafkaCluster()
print(cluster.address, flush=True)
sys.stdin.read()
"""


@contextmanager
def cluster_process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_a_cluster_that_stops_answering_for_a_while_is_waited_for(tmp_path):
    desk = Desk(tmp_path, ACTIVITY)
    with cluster_process() as (process, address):
        publish_kafka(address, SHOP_MESSAGES[:1000])
        with following(desk, address) as follower:
            until(lambda: follower.rows() > 500)
            process.send_signal(signal.SIGSTOP)
            time.sleep(2)
            process.send_signal(signal.SIGCONT)
            publish_kafka(address, SHOP_MESSAGES[1000:])
            until(lambda: follower.rows() >= 3000)
    assert sum(record.rows_read for record in desk.records()) == len(SHOP_MESSAGES)
    assert desk.adds_up()


def test_a_disk_that_is_full_for_a_while_is_waited_for(broker, tmp_path, monkeypatch):
    desk = Desk(tmp_path / "data", STOCK)
    failures = iter([True, True, False])
    load = Loader.load

    def fails_twice(self: Loader, *arguments: object, **options: object) -> LoadRecord:
        if next(failures, False):
            raise LandingError("The disk is full.", "Free some space.")
        return load(self, *arguments, **options)

    monkeypatch.setattr(Loader, "load", fails_twice)
    monkeypatch.setattr(streaming, "_FIRST_DELAY_SECONDS", 0.01)
    with following(desk, broker.address) as follower:
        publish_mqtt(broker.address, DEVICE_MESSAGES[:50])
        until(lambda: sum(record.rows_read for record in follower.landed) == 50)


# -- the same result -----------------------------------------------------------------------


def test_small_loads_without_end_and_one_load_of_everything_give_the_same_rows(broker, tmp_path):
    endless, whole = Desk(tmp_path / "endless", STOCK), Desk(tmp_path / "whole", STOCK)
    with following(endless, broker.address) as follower:
        until(lambda: bool(endless.records()))
        publish_mqtt(broker.address, DEVICE_MESSAGES, rate=2500)
        until(lambda: follower.rows() >= 2000)
        until(lambda: sum(r.rows_read for r in endless.records()) == len(DEVICE_MESSAGES))
    publish_mqtt(broker.address, DEVICE_MESSAGES)
    whole.load(broker.address, QUICK)
    assert len([r for r in endless.records() if r.rows_read]) > 1
    assert endless.current() == whole.current()
    assert endless.rejects() == whole.rejects()


def test_the_asset_leaves_a_stream_alone_that_another_process_loads(broker, tmp_path):
    desk = Desk(tmp_path / "data", STOCK)
    with driver(broker.address, tmp_path / "data", STOCK) as process:
        assert process.stdout is not None
        until(lambda: bool(desk.records()))
        meanwhile = desk.load(broker.address, QUICK)
        assert (meanwhile.rows_read, meanwhile.resume) == (0, desk.records()[0].resume)
        publish_mqtt(broker.address, DEVICE_MESSAGES[:10])
        assert json.loads(process.stdout.readline())["rows_read"] == 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    publish_mqtt(broker.address, DEVICE_MESSAGES[10:30])
    assert desk.load(broker.address, QUICK).rows_read == 20


# -- Dagster -------------------------------------------------------------------------------


def test_each_load_is_reported_as_a_materialization_of_the_raw_asset(tmp_path):
    desk = Desk(tmp_path, ACTIVITY)
    key = dg.AssetKey(["raw", "shop_events__activity"])
    with KafkaCluster() as cluster, dg.DagsterInstance.ephemeral() as instance:
        publish_kafka(cluster.address, SHOP_MESSAGES[:100])
        reporter(instance)(desk.load(cluster.address))
        event = instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["rows_read"].value == 100
    assert metadata["load_id"].value == desk.records()[-1].load_id


def test_a_source_that_is_no_stream_is_refused(tmp_path):
    desk = Desk(tmp_path, STOCK)
    loader = Loader(desk.settings, SqliteReader("none.sqlite"), address="sqlite")
    with pytest.raises(InventoryError, match="no stream"):
        stream([desk.contract], lambda: loader, landed=lambda _: None)
