"""MQTT 3.1.1 and 5: a session that the broker keeps, acknowledged after the commit.

The broker remembers what this reader has not acknowledged, also while nobody reads, so the
place in the stream is its business. A session has one reader: a broker disconnects the first
when a second comes, so processes of one machine agree by a lock. Everything happens in the
caller's thread: while a load runs nothing is read, and the broker holds messages back.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import select
import ssl
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.streams.base import (
    BrokerAddress,
    Message,
    StreamReader,
    TakenError,
    parse_address,
    read_options,
)

log = logging.getLogger(__name__)

CLIENT_ID = "inventory"
"""First part of a session's name, where `sources.toml` says nothing else."""

_OPTIONS: Mapping[str, Any] = {
    "client_id": CLIENT_ID,
    "protocol": "3.1.1",
    "ca": None,
    "certificate": None,
    "key": None,
    "session_days": 7,
    "idle_seconds": 1.0,
    "batch_messages": 60_000,
}

# 5 costs the client three times as much per message, and needs a broker that speaks it.
_PROTOCOLS = {"3.1.1": MQTTProtocolVersion.MQTTv311, "5": MQTTProtocolVersion.MQTTv5}

_ANSWER_SECONDS = 10.0

_DRAIN_SECONDS = 30.0
"""How long a load goes on receiving although messages keep coming."""

# A load must be over in one and a half times this, or the broker gives the reader up.
_KEEPALIVE_SECONDS = 120

_QUALITY = 1
"""Of service: with less, a broker keeps nothing for a reader that is away."""

_AT_ONCE = 500
"""Messages that are read before the clock is looked at again."""

_PACKET_IDS = 65_535
"""How many messages can wait for their acknowledgement: there are no more identifiers."""


class MqttReader(StreamReader):
    """Reads topics of an MQTT broker; a contract's source is a topic filter.

    Args:
        address: `mqtt://host:port` or, with TLS, `mqtts://host:port`; `user:password@` before
            the host where the broker asks for them.
        options: `client_id` (first part of the session's name), `protocol` (`3.1.1` or `5`),
            `ca`, `certificate` and `key` (files, for TLS), `session_days` (how long the broker
            keeps messages while nobody reads; MQTT 5 only), `idle_seconds` (silence after which
            everything is there), `batch_messages` (messages one load takes at most).

    Raises:
        SettingsError: The address or an option is wrong.
    """

    def __init__(self, address: str, options: Mapping[str, Any] | None = None) -> None:
        chosen = read_options(options or {}, _OPTIONS, "An MQTT source")
        if chosen["protocol"] not in _PROTOCOLS:
            raise SettingsError(
                f"An MQTT source: option 'protocol' is {chosen['protocol']!r}.",
                f"Use one of: {', '.join(_PROTOCOLS)}.",
            )
        broker = parse_address(address, {"mqtt": 1883, "mqtts": 8883})
        super().__init__(
            lambda topic: _MqttConsumer(topic, broker, chosen),
            min(chosen["batch_messages"], _PACKET_IDS),
        )


def session_name(client_id: str, topic: str) -> str:
    """The name under which the broker keeps the session of a topic filter.

    >>> session_name("inventory", "devices/+/stock")
    'inventory-devices-any-stock'
    """
    words = topic.replace("+", "any").replace("#", "all")
    return f"{client_id}-{re.sub('[^0-9A-Za-z]+', '-', words).strip('-')}"


class _MqttConsumer:
    """One topic filter and the broker's session for it.

    Its `resume` is JSON that says whether the broker still had the session: it is the broker
    that knows the place, and a session that is gone may have lost messages.
    """

    def __init__(self, topic: str, broker: BrokerAddress, chosen: Mapping[str, Any]) -> None:
        self._topic = topic
        self._broker = broker
        self._chosen = chosen
        self._client = self._make_client()
        self._arrived: deque[MQTTMessage] = deque()
        self._unacknowledged: list[tuple[int, int]] = []
        self._refusal: str | None = None
        self._lock_file: IO[str] | None = None
        self._is_connected = self._is_subscribed = self._had_session = False
        self._is_lost = False
        self._heard = self._opened = 0.0

    @property
    def resume(self) -> str:
        return json.dumps({"session": "lost" if self._is_lost else "kept"})

    def open(self, resume: str | None) -> None:
        host, port = self._broker.hosts[0]
        self._lock()
        try:
            if self._chosen["protocol"] == "5":
                self._client.connect(
                    host, port, _KEEPALIVE_SECONDS, clean_start=False, properties=self._session()
                )
            else:
                self._client.connect(host, port, _KEEPALIVE_SECONDS)
        except (OSError, ValueError) as error:
            raise self._failure(str(error)) from error
        self._await(lambda: self._is_connected)
        self._is_lost = resume is not None and not self._had_session
        if self._is_lost:
            log.warning(
                "The broker at %s no longer has the session for %s: what was sent since the last "
                "load may be lost.",
                host,
                self._topic,
            )
        self._client.subscribe(self._topic, qos=_QUALITY)
        self._await(lambda: self._is_subscribed)
        self._heard = self._opened = time.monotonic()

    def receive(self, limit: int, seconds: float) -> list[Message]:
        deadline = time.monotonic() + seconds
        while len(self._arrived) < limit:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._exchange(left, min(limit, len(self._arrived) + _AT_ONCE))
        taken = [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]
        self._unacknowledged += [(message.mid, message.qos) for message in taken]
        if taken:
            self._heard = time.monotonic()
        now = time.time_ns() // 1000
        return [Message(bytes(m.payload), m.topic, None, None, now, None) for m in taken]

    def is_caught_up(self) -> bool:
        # No broker says how much is waiting; where sensors never pause, time has to end it.
        now = time.monotonic()
        is_idle = now - self._heard > float(self._chosen["idle_seconds"])
        return is_idle or now - self._opened > _DRAIN_SECONDS

    def acknowledge(self) -> None:
        self._is_lost = False
        waiting, self._unacknowledged = self._unacknowledged, []
        for mid, qos in waiting:
            if self._client.ack(mid, qos) != MQTT_ERR_SUCCESS:
                log.warning("The connection broke: messages of %s come again.", self._topic)
                return
        deadline = time.monotonic() + _ANSWER_SECONDS
        while self._client.want_write() and time.monotonic() < deadline:
            socket = self._client.socket()
            if socket is None:
                return
            select.select([], [socket], [], 1)
            self._client.loop_write()

    def close(self) -> None:
        self._client.disconnect()
        if self._lock_file is not None:
            self._lock_file.close()

    def _lock(self) -> None:
        """Take the session for this process; the system frees it when the process ends."""
        host, port = self._broker.hosts[0]
        session = session_name(self._chosen["client_id"], self._topic)
        name = f"{session}@{host}-{port}-{os.getuid()}.lock"
        self._lock_file = (Path(tempfile.gettempdir()) / name).open("a")
        try:
            # By process, not by file: a load that failed may have left its own open.
            fcntl.lockf(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TakenError(
                f"Another process of this machine reads {self._topic} of {host}:{port}.",
                "Stop it, or let it: it loads what comes in.",
            ) from None

    def _make_client(self) -> Client:
        is_v5 = self._chosen["protocol"] == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=session_name(self._chosen["client_id"], self._topic),
            clean_session=None if is_v5 else False,
            protocol=_PROTOCOLS[self._chosen["protocol"]],
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.scheme == "mqtts":
            files = [self._chosen[name] for name in ("ca", "certificate", "key")]
            for file in files:
                if file is not None and not Path(file).is_file():
                    raise SettingsError(
                        f"An MQTT source: file {file} does not exist.",
                        "Correct `ca`, `certificate` or `key` in sources.toml.",
                    )
            client.tls_set(*files)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _session(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._chosen["session_days"] * 86_400
        properties.ReceiveMaximum = _PACKET_IDS
        return properties

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
        self._is_connected = True
        self._had_session = flags.session_present

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _more: Any) -> None:
        if reasons[0].is_failure:
            self._refusal = f"{reasons[0]} ({self._topic})"
        elif reasons[0].value < _QUALITY:
            self._refusal = (
                f"it grants {self._topic} with quality of service {reasons[0].value} only, which "
                "loses what is sent while nobody reads"
            )
        self._is_subscribed = True

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        self._arrived.append(message)

    def _await(self, answered: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while not answered() and self._refusal is None:
            if time.monotonic() > deadline:
                raise self._failure("it does not answer")
            self._exchange(0.2, len(self._arrived) + 1)
        if self._refusal:
            raise self._failure(self._refusal)

    def _exchange(self, seconds: float, limit: int) -> None:
        """Wait until there is something to read, and read all of it up to `limit` messages."""
        socket = self._client.socket()
        if socket is None:
            raise self._failure(self._refusal or "the connection is lost")
        if isinstance(socket, ssl.SSLSocket) and socket.pending():
            # Decrypted already, so the system knows nothing of it.
            seconds = 0
        writes = [socket] if self._client.want_write() else []
        readable, writable, _ = select.select([socket], writes, [], seconds)
        failed = MQTT_ERR_SUCCESS
        if readable or not seconds:
            # One wait for many messages: the client's own loop waits before each of them.
            count = -1
            while not failed and count < len(self._arrived) < limit:
                count = len(self._arrived)
                failed = self._client.loop_read()
        if writable and not failed:
            failed = self._client.loop_write()
        failed = failed or self._client.loop_misc()
        if failed:
            raise self._failure(self._refusal or "the connection is lost")

    def _failure(self, why: str) -> SourceError:
        host, port = self._broker.hosts[0]
        return SourceError(
            f"MQTT broker {host}:{port}: {why}.",
            "Check the broker, the network, name and password, and `protocol` in sources.toml. "
            "Messages not committed come again.",
            # What the broker says no to, it says no to again.
            is_transient=self._refusal is None,
        )
