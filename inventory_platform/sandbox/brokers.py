"""Message brokers of the sandbox: a real Mosquitto, and librdkafka's own Kafka cluster.

Here is how they are started on loopback ports and stopped again, and how messages are published
on them; what messages say is `devices.py`. Each belongs to the process that started it. The
Kafka cluster is the one librdkafka brings for its own tests: it speaks the protocol over TCP and
keeps offsets, but it is not Apache Kafka, and what it holds is gone when it stops.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

from confluent_kafka import Producer
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from inventory_platform.errors import InventoryError

_START_SECONDS = 10
_ANSWER_SECONDS = 30.0
_INSTALL = "bash scripts/install-test-servers.sh"


def find_mosquitto() -> str | None:
    """Where Mosquitto is installed, or what MOSQUITTO names; None where it is not."""
    program = os.environ.get("MOSQUITTO", "mosquitto")
    return shutil.which(program) or shutil.which(program, path="/usr/sbin")


@dataclass(frozen=True)
class ServerCertificate:
    """Files of a server's certificate: the authority that signed it, itself, its private key."""

    authority: Path
    certificate: Path
    key: Path


class MosquittoBroker:
    """A Mosquitto on a loopback port, with everything it writes in one folder.

    Sessions and queued messages outlive a restart on the same folder, and the port stays.

    Args:
        folder: For configuration, log and queued messages.
        user: Name that clients must give, with `password`; anybody may connect when omitted.
        password: The password of that name.
        certificate: Makes the broker speak TLS only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        user: str | None = None,
        password: str | None = None,
        certificate: ServerCertificate | None = None,
    ) -> None:
        self.folder = folder
        self.user = user
        self.password = password
        self.certificate = certificate
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where clients find it, without name and password."""
        return f"{'mqtts' if self.certificate else 'mqtt'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            InventoryError: Mosquitto is not installed, or does not start.
        """
        program = find_mosquitto()
        if program is None:
            raise InventoryError("Mosquitto is not installed.", f"Run `{_INSTALL}`.")
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "mosquitto.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [program, "-c", str(self._write_configuration())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise InventoryError(
                    f"Mosquitto does not start: {' '.join(last) or 'it says nothing'}.",
                    f"Read {log}.",
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it; it writes down sessions and queued messages first."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def __enter__(self) -> MosquittoBroker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _write_configuration(self) -> Path:
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if self.user else 'true'}",
            "persistence true",
            f"persistence_location {self.folder}/",
            # A reader acknowledges whole batches: by default only 20 messages may wait for that,
            # and 1,000 more in the queue, before others are dropped.
            "max_inflight_messages 0",
            "max_queued_messages 0",
            "set_tcp_nodelay true",
        ]
        if os.geteuid() == 0:
            # It would give up root's rights, and with them the right to write into the folder.
            lines.append("user root")
        if self.user:
            lines.append(f"password_file {self._write_passwords()}")
        if self.certificate:
            lines += [
                f"cafile {self.certificate.authority}",
                f"certfile {self.certificate.certificate}",
                f"keyfile {self.certificate.key}",
            ]
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _write_passwords(self) -> Path:
        path = self.folder / "passwords"
        path.write_text(f"{self.user}:{self.password}\n")
        path.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True, capture_output=True)
        return path


class KafkaCluster:
    """librdkafka's test cluster, for as long as this object lives.

    Args:
        brokers: Number of brokers, each on a loopback port of its own.
    """

    def __init__(self, brokers: int = 1) -> None:
        self._producer = Producer({"test.mock.num.brokers": brokers, "log_level": 3})
        found = self._producer.list_topics(timeout=_START_SECONDS).brokers.values()
        self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in found)

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"kafka://{self.servers}"

    def stop(self) -> None:
        """Stop it; what it holds is gone."""
        # librdkafka ends the cluster with the client that opened it.
        del self._producer

    def __enter__(self) -> KafkaCluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Sent:
    """One message as it is published."""

    topic: str
    key: str
    payload: bytes


def publish_mqtt(
    address: str,
    messages: Iterable[Sent],
    *,
    rate: float | None = None,
    stop: threading.Event | None = None,
    authority: Path | None = None,
) -> int:
    """Publish messages at quality of service 1 and wait until the broker has all of them.

    Args:
        address: `mqtt://127.0.0.1:port`, with `user:password@` where the broker asks for them.
        messages: What to publish.
        rate: Messages per second; as fast as possible when omitted.
        stop: Ends it early.
        authority: File of the authority to trust, for `mqtts://`.

    Returns:
        How many were published.

    Raises:
        InventoryError: The broker does not take them.
    """
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages = 10_000
    where = urlsplit(address)
    if where.username:
        client.username_pw_set(unquote(where.username), unquote(where.password or ""))
    if where.scheme == "mqtts":
        client.tls_set(str(authority) if authority else None)
    client.connect(where.hostname or "127.0.0.1", where.port or 1883)
    _exchange_until(client, client.is_connected, address)
    published = 0
    last = None
    for message in _paced(messages, rate, stop):
        last = client.publish(message.topic, message.payload, qos=1)
        published += 1
        # The client's own thread would do this too, at three times the cost.
        if published % 100 == 0:
            client.loop_read()
    if last is not None:
        _exchange_until(client, last.is_published, address)
    client.disconnect()
    return published


def publish_kafka(
    address: str,
    messages: Iterable[Sent],
    *,
    rate: float | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Publish messages to a Kafka cluster and wait until it has all of them.

    Args:
        address: `kafka://127.0.0.1:port,…`.
        messages: What to publish.
        rate: Messages per second; as fast as possible when omitted.
        stop: Ends it early.

    Returns:
        How many were published.

    Raises:
        InventoryError: The cluster does not take them.
    """
    producer = Producer(
        {"bootstrap.servers": address.removeprefix("kafka://"), "acks": "all", "linger.ms": 5}
    )
    published = 0
    for message in _paced(messages, rate, stop):
        producer.produce(message.topic, message.payload, key=message.key)
        producer.poll(0)
        published += 1
    if producer.flush(_ANSWER_SECONDS):
        raise InventoryError(f"{address} does not take messages.", "Is it running?")
    return published


def _paced(
    messages: Iterable[Sent], rate: float | None, stop: threading.Event | None
) -> Iterator[Sent]:
    started = time.monotonic()
    # The clock costs as much as a message: fast traffic looks at it fifty times a second.
    step = max(1, int((rate or 5_000) / 50))
    for number, message in enumerate(messages):
        if number % step == 0:
            if stop is not None and stop.is_set():
                return
            if rate is not None:
                time.sleep(max(0.0, started + number / rate - time.monotonic()))
        yield message


def open_session(address: str, session: str, topic: str) -> None:
    """Make a broker keep messages of a topic for a session, before anybody has read it.

    Raises:
        InventoryError: The broker does not answer.
    """
    client = Client(CallbackAPIVersion.VERSION2, client_id=session, clean_session=False)
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    where = urlsplit(address)
    client.connect(where.hostname or "127.0.0.1", where.port or 1883)
    _exchange_until(client, client.is_connected, address)
    client.subscribe(topic, qos=1)
    _exchange_until(client, subscribed.is_set, address)
    client.disconnect()


def _exchange_until(client: Client, is_done: Callable[[], bool], address: str) -> None:
    deadline = time.monotonic() + _ANSWER_SECONDS
    while not is_done():
        if client.loop(0.1) or time.monotonic() > deadline:
            raise InventoryError(f"{address} does not answer.", "Look at the broker's log.")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
