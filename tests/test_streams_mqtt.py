"""Reading MQTT from a real Mosquitto: what is kept, what comes again, and what is said."""

import json
import logging
import shutil
import socketserver
import subprocess
import threading
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from inventory_platform.errors import ContractError, LandingError, SettingsError, SourceError
from inventory_platform.landing.lake import Lake
from inventory_platform.registry import Registry, check_sessions
from inventory_platform.sandbox.brokers import (
    MosquittoBroker,
    Sent,
    ServerCertificate,
    open_session,
    publish_mqtt,
)
from inventory_platform.sandbox.devices import SESSION, TOPIC, device_batch
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import Source
from inventory_platform.sources.streams.mqtt import MqttReader, session_name
from tests.stream_driver import Desk, contract_of, need_mosquitto

STOCK = "iot_devices.stock_events"
QUICK = {"idle_seconds": 0.3}


@pytest.fixture(autouse=True)
def _mosquitto():
    need_mosquitto()


@pytest.fixture
def broker(tmp_path):
    with MosquittoBroker(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "data", STOCK)


def event(number: int, **changes: object) -> Sent:
    said = {
        "event_id": f"e{number}",
        "device_id": "NTH-01",
        "sequence": number,
        "sku": "SKU-00001",
        "location": "Warehouse North",
        "event_type": "Stock In",
        "quantity": 2,
        "event_time": "2026-09-30T10:00:00.000Z",
    }
    return Sent("devices/NTH-01/stock", "NTH-01", json.dumps(said | changes).encode())


def ids(desk: Desk) -> list[str]:
    return [row[0] for row in desk.current()]


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_what_is_sent_while_nobody_reads_comes_with_the_next_load(broker, desk, protocol):
    options = QUICK | {"protocol": protocol}
    assert desk.load(broker.address, options).rows_read == 0
    publish_mqtt(broker.address, [event(1), event(2)])
    assert desk.load(broker.address, options).rows_loaded == 2
    publish_mqtt(broker.address, [event(3)])
    assert desk.load(broker.address, options).rows_loaded == 1
    assert ids(desk) == ["e1", "e2", "e3"]
    assert desk.adds_up()


def test_a_row_holds_what_the_message_said_and_where_it_came_from(broker, desk):
    desk.load(broker.address, QUICK)
    publish_mqtt(broker.address, [event(1, event_time="2026-09-30T12:00:00.250+02:00")])
    desk.load(broker.address, QUICK)
    asked = "select event_id, sequence, quantity, cast(event_at as varchar), _origin from raw.{}"
    assert desk.ask(asked.format(desk.contract.relation)) == [
        ("e1", 1, 2, "2026-09-30 10:00:00.25", "devices/NTH-01/stock")
    ]


def test_the_sensors_day_counts_once_however_often_it_is_published(broker, desk):
    open_session(broker.address, SESSION, TOPIC)
    batch = device_batch()
    publish_mqtt(broker.address, batch.messages)
    first = desk.load(broker.address, QUICK)
    # 2,000 events, 20 of them twice, one from the future, 8 that cannot be used.
    assert (first.rows_read, first.rows_loaded) == (2029, 2000)
    assert (first.rows_deduplicated, first.rows_quarantined) == (20, 9)
    assert Counter(code for code, _ in desk.rejects()) == {
        "malformed_row": 4,
        "out_of_range": 1,
        "not_allowed": 1,
        "missing_value": 1,
        "not_a_timestamp": 1,
        "in_the_future": 1,
    }
    rows = desk.current()
    publish_mqtt(broker.address, batch.messages)
    again = desk.load(broker.address, QUICK)
    assert (again.rows_read, again.rows_deduplicated) == (2029, 2029)
    assert desk.current() == rows
    assert desk.adds_up()


def test_the_sandbox_opens_the_session_that_the_platform_reads():
    assert session_name("inventory", Desk(Path("unused"), STOCK).contract.source_table) == SESSION


@pytest.mark.parametrize(
    ("topic", "options", "is_refused"),
    [
        ("devices/+/stock", {}, True),
        ("devices/+/stock:[].levels", {}, True),
        ("devices-any/stock", {}, True),
        ("devices/+/alarms", {}, False),
        ("devices/+/stock", {"client_id": "second"}, False),
    ],
)
def test_two_tables_on_one_session_are_refused_at_the_start(topic, options, is_refused):
    first = contract_of(STOCK)
    second = replace(first, source="more_devices", source_table=topic)
    sources = {
        first.source: Source(first.source, "mqtt://broker"),
        second.source: Source(second.source, "mqtt://broker", options=options),
    }
    tables = {c.relation: c for c in (first, second)}
    registry = Registry(Settings(data_dir=Path("unused")), sources, tables)
    expected = pytest.raises(ContractError, match=f"{first.relation} and {second.relation} would")
    with expected if is_refused else nullcontext():
        check_sessions(registry)


def test_a_payload_that_is_no_json_is_quarantined_as_it_came(broker, desk):
    desk.load(broker.address, QUICK)
    payloads = [b"", b"\xff\x00low", b"[1, 2]", b'{"event_id":']
    broken = [Sent("devices/NTH-01/stock", "", payload) for payload in payloads]
    publish_mqtt(broker.address, [event(1), *broken, event(2)])
    record = desk.load(broker.address, QUICK)
    assert (record.rows_read, record.rows_loaded, record.rows_quarantined) == (6, 2, 4)
    kept = {json.loads(payload)["line"] for _, payload in desk.rejects()}
    assert kept == {"", "\\xff\x00low", "[1, 2]", '{"event_id":'}


def test_late_events_are_kept_and_a_correction_replaces_what_it_corrects(broker, desk):
    desk.load(broker.address, QUICK)
    publish_mqtt(broker.address, [event(1), event(2, event_time="2026-09-30T11:00:00Z")])
    desk.load(broker.address, QUICK)
    late = event(3, event_time="2026-09-01T00:00:00Z")
    correction = event(1, quantity=5, event_time="2026-09-30T10:00:01Z")
    outdated = event(2, quantity=9, event_time="2026-09-30T10:59:00Z")
    publish_mqtt(broker.address, [late, correction, outdated])
    record = desk.load(broker.address, QUICK)
    assert (record.rows_loaded, record.rows_quarantined) == (3, 0)
    assert [(row[0], row[6]) for row in desk.current()] == [("e1", 5), ("e2", 2), ("e3", 2)]


def test_nothing_is_acknowledged_before_the_commit(broker, desk, monkeypatch):
    desk.load(broker.address, QUICK)
    publish_mqtt(broker.address, [event(1), event(2)])

    def full(*_args: object) -> None:
        raise LandingError("The disk is full.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", full)
        with pytest.raises(LandingError, match="full"):
            desk.load(broker.address, QUICK)
    assert ids(desk) == []
    assert desk.load(broker.address, QUICK).rows_loaded == 2
    assert desk.load(broker.address, QUICK).rows_read == 0


def test_one_load_takes_no_more_than_a_batch(broker, desk):
    options = QUICK | {"batch_messages": 100}
    desk.load(broker.address, options)
    publish_mqtt(broker.address, [event(n) for n in range(1, 251)])
    assert [desk.load(broker.address, options).rows_loaded for _ in range(4)] == [100, 100, 50, 0]


def test_messages_and_session_outlive_a_restart_of_the_broker(broker, desk):
    desk.load(broker.address, QUICK)
    publish_mqtt(broker.address, [event(1)])
    broker.stop()
    broker.start()
    record = desk.load(broker.address, QUICK)
    assert (record.rows_loaded, record.resume) == (1, '{"session": "kept"}')


def test_a_session_the_broker_has_forgotten_is_said_in_the_ledger(broker, desk, caplog):
    desk.load(broker.address, QUICK)
    broker.stop()
    (broker.folder / "mosquitto.db").unlink()
    broker.start()
    with caplog.at_level(logging.WARNING):
        record = desk.load(broker.address, QUICK)
    assert record.resume == '{"session": "lost"}'
    assert "may be lost" in caplog.text
    assert desk.load(broker.address, QUICK).resume == '{"session": "kept"}'


class Careless(socketserver.StreamRequestHandler):
    """A broker that grants quality of service 0, whatever it is asked for."""

    def handle(self):
        self._packet()
        self.wfile.write(b"\x20\x02\x00\x00")
        subscription = self._packet()
        self.wfile.write(b"\x90\x03" + subscription[:2] + b"\x00")
        self.rfile.read()

    def _packet(self):
        _, length = self.rfile.read(2)
        return self.rfile.read(length)


def test_a_broker_that_would_keep_nothing_for_us_is_refused(desk):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Careless) as server:
        # Nobody may wait for the handler: it stands until the reader is gone.
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            with pytest.raises(SourceError, match="quality of service 0 only") as caught:
                desk.load(f"mqtt://127.0.0.1:{server.server_address[1]}", QUICK)
        finally:
            server.shutdown()
    assert not caught.value.is_transient


def test_a_broker_that_is_away_is_named(broker, desk):
    broker.stop()
    with pytest.raises(SourceError, match=f"127.0.0.1:{broker.port}.*refused"):
        desk.load(broker.address)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"protocol": "4"}, "'protocol' is '4'"),
        ({"clientid": "x"}, "no option 'clientid'"),
        ({"batch_messages": "many"}, "'batch_messages' is 'many'"),
        ({"batch_messages": 0}, "'batch_messages' is 0.*Give 1 or more"),
        ({"batch_messages": -5}, "'batch_messages' is -5"),
        ({"session_days": 0}, "'session_days' is 0.*Give 1 or more"),
        ({"idle_seconds": -1}, "'idle_seconds' is -1.*Give 0.1 or more"),
        ({"idle_seconds": float("nan")}, "'idle_seconds' is nan"),
    ],
)
def test_a_wrong_option_is_named(options, said):
    with pytest.raises(SettingsError, match=f"(?s){said}"):
        MqttReader("mqtt://127.0.0.1:1883", options)


@pytest.mark.parametrize("address", ["mqtt://", "mqtt://host:port", "mqtt://:1883"])
def test_an_address_without_a_host_is_refused(address):
    with pytest.raises(SettingsError, match="no host and port"):
        MqttReader(address)


# -- TLS and passwords ---------------------------------------------------------------------


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> ServerCertificate:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "rsa:2048", "-nodes")
    openssl(
        folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
        "-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE",
    )  # fmt: skip
    openssl(folder, "req", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=broker")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        folder, "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-out", "cert.pem", "-days", "2", "-extfile", "names",
    )  # fmt: skip
    return ServerCertificate(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")


@pytest.fixture
def guarded(tmp_path, certificate):
    broker = MosquittoBroker(
        tmp_path / "guarded", user="reader", password="p@ss/word", certificate=certificate
    )
    with broker:
        yield broker


def test_messages_come_over_tls_with_a_password(guarded, desk, certificate):
    address = guarded.address.replace("://", "://reader:p%40ss%2Fword@")
    options = QUICK | {"ca": str(certificate.authority)}
    desk.load(address, options)
    publish_mqtt(address, [event(n) for n in range(1, 2001)], authority=certificate.authority)
    assert desk.load(address, options).rows_loaded == 2000


def test_a_wrong_password_is_refused_and_not_shown(guarded, desk, certificate):
    address = guarded.address.replace("://", "://reader:sesame@")
    with pytest.raises(SourceError, match="Not authorized") as caught:
        desk.load(address, QUICK | {"ca": str(certificate.authority)})
    assert "sesame" not in str(caught.value)


def test_a_broker_with_an_unknown_certificate_is_not_spoken_to(guarded, desk):
    with pytest.raises(SourceError, match=r"(?i)certificate verify failed"):
        desk.load(guarded.address.replace("://", "://reader:p%40ss%2Fword@"), QUICK)


def test_a_certificate_file_that_is_missing_is_named(desk):
    with pytest.raises(SettingsError, match=r"nowhere\.pem"):
        desk.load("mqtts://127.0.0.1:1", {"ca": "/nowhere.pem"})
