"""Kafka's protocol: partitions read from the offsets that were committed with the data.

The broker is told these offsets too, after the load, so that its own tools show how far
behind the platform is; nothing is ever read from there. Partitions are assigned, not
subscribed to: one load reads a whole topic.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.streams.base import (
    BrokerAddress,
    Message,
    StreamReader,
    parse_address,
    read_options,
)

log = logging.getLogger(__name__)

_OPTIONS: Mapping[str, Any] = {
    "group": "inventory",
    "security_protocol": None,
    "sasl_mechanism": None,
    "sasl_username": None,
    "sasl_password": None,
    "ca": None,
    "batch_messages": 200_000,
}

_ANSWER_SECONDS = 15.0
_SILENCE_SECONDS = 30.0
"""How long a broker may say nothing although messages are there."""

_LOOK_SECONDS = 30.0
"""How often to look for partitions that were added."""

# librdkafka cures these itself: it connects again, finds the new leader, asks again.
_PASSING = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
}


class KafkaReader(StreamReader):
    """Reads topics of a Kafka, Redpanda or Event Hubs cluster.

    Args:
        address: `kafka://host:port,host:port`, with `user:password@` before the hosts where the
            cluster asks for them.
        options: `group`, `security_protocol`, `sasl_mechanism`, `sasl_username`,
            `sasl_password`, `ca` (file of the authority that signed the brokers' certificates),
            `batch_messages` (messages one load takes at most).

    Raises:
        SettingsError: The address or an option is wrong.
    """

    def __init__(self, address: str, options: Mapping[str, Any] | None = None) -> None:
        chosen = read_options(options or {}, _OPTIONS, "A Kafka source")
        configuration = _configuration(parse_address(address, {"kafka": 9092}), chosen)
        super().__init__(
            lambda topic: _KafkaConsumer(topic, configuration), chosen["batch_messages"]
        )


def _configuration(address: BrokerAddress, chosen: Mapping[str, Any]) -> dict[str, Any]:
    user = chosen["sasl_username"] or address.user
    given = {
        "bootstrap.servers": ",".join(f"{host}:{port}" for host, port in address.hosts),
        "group.id": chosen["group"],
        "security.protocol": chosen["security_protocol"] or ("SASL_SSL" if user else None),
        "sasl.mechanism": chosen["sasl_mechanism"] or ("PLAIN" if user else None),
        "sasl.username": user,
        "sasl.password": chosen["sasl_password"] or address.password,
        "ssl.ca.location": chosen["ca"],
        "enable.auto.commit": False,
        # A place that is gone must be told, not passed over.
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": 16_384,
        "fetch.wait.max.ms": 100,
        # A dead broker must neither hold up the end for a minute nor fill the log.
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.ms": 1_000,
    }
    return {name: value for name, value in given.items() if value is not None}


class _KafkaConsumer:
    """One topic, all its partitions.

    Its `resume` is JSON: the cluster's id, and per topic and partition the next offset; under
    `restarted` what could not be gone on with, in the load that began anew.
    """

    def __init__(self, topic: str, configuration: Mapping[str, Any]) -> None:
        self._topic = topic
        self._complaint = ""
        told = {**configuration, "error_cb": self._on_error}
        try:
            self._client = Client(told, logger=log)
        except KafkaException as error:
            raise SettingsError(
                f"A Kafka source: {error.args[0].str()}.", "Correct it in sources.toml."
            ) from error
        self._cluster: str | None = None
        self._next: dict[int, int] = {}
        self._behind: dict[int, int] = {}
        self._restarted: list[str] = []
        self._heard = self._looked = 0.0

    @property
    def resume(self) -> str:
        offsets = {str(number): offset for number, offset in sorted(self._next.items())}
        said: dict[str, Any] = {"cluster": self._cluster, "offsets": {self._topic: offsets}}
        if self._restarted:
            said["restarted"] = self._restarted
        return json.dumps(said)

    def open(self, resume: str | None) -> None:
        known = json.loads(resume) if resume else {}
        offsets = dict(known.get("offsets", {}).get(self._topic, {}))
        self._assign_new_partitions(offsets, known.get("cluster"))
        self._heard = time.monotonic()

    def receive(self, limit: int, seconds: float) -> list[Message]:
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._assign_new_partitions({}, self._cluster)
        received = []
        for record in self._consume(limit, seconds):
            error = record.error()
            if error is None:
                received.append(_message(record))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._behind = {p: n for p, n in self._behind.items() if p != record.partition()}
            elif error.code() not in _PASSING:
                raise self._failure(error)
            else:
                log.warning("Topic %s: %s", self._topic, error.str())
                continue
            self._heard = time.monotonic()
        for message in received:
            self._next[message.partition] = message.offset + 1  # type: ignore[index,operator]
        self._behind = {p: end for p, end in self._behind.items() if self._next[p] < end}
        if self._behind and time.monotonic() - self._heard > _SILENCE_SECONDS:
            raise SourceError(
                f"The brokers of topic {self._topic!r} have said nothing for "
                f"{_SILENCE_SECONDS:.0f} seconds, although messages are there.",
                "Check the brokers and the network; what was received comes again.",
                is_transient=True,
            )
        return received

    def is_caught_up(self) -> bool:
        return not self._behind

    def acknowledge(self) -> None:
        self._restarted = []
        offsets = [TopicPartition(self._topic, p, offset) for p, offset in self._next.items()]
        try:
            self._client.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.warning("Topic %s: the broker was not told the offsets: %s", self._topic, error)

    def close(self) -> None:
        self._client.close()

    def _consume(self, limit: int, seconds: float) -> list[Record]:
        try:
            return self._client.consume(limit, timeout=seconds)
        except KafkaException as error:
            raise self._failure(error.args[0]) from error

    def _assign_new_partitions(self, offsets: Mapping[str, int], cluster: str | None) -> None:
        """Begin with partitions not read yet, at the offsets given or else at their start."""
        try:
            found = self._client.list_topics(self._topic, timeout=_ANSWER_SECONDS)
            topic = found.topics[self._topic]
            if topic.error is not None:
                raise KafkaException(topic.error)
            starts = {p: offsets.get(str(p)) for p in topic.partitions if p not in self._next}
            if cluster and found.cluster_id != cluster:
                if self._next:
                    raise SourceError(
                        f"Topic {self._topic!r} is suddenly on another cluster.",
                        "If that is meant, nothing: the new one is read from its beginning.",
                    )
                self._restart(f"cluster {found.cluster_id} is not {cluster}")
                starts = dict.fromkeys(starts)
            self._cluster = found.cluster_id
            for number, offset in starts.items():
                low, high = self._client.get_watermark_offsets(
                    TopicPartition(self._topic, number), timeout=_ANSWER_SECONDS
                )
                if offset is not None and not low <= offset <= high:
                    self._restart(f"partition {number} has {low} to {high}, not {offset}")
                    offset = None
                self._next[number] = low if offset is None else offset
                self._behind[number] = high
            if starts:
                self._client.incremental_assign(
                    [TopicPartition(self._topic, p, self._next[p]) for p in starts]
                )
        except KafkaException as error:
            raise self._failure(error.args[0]) from error
        self._behind = {p: end for p, end in self._behind.items() if self._next[p] < end}
        self._looked = time.monotonic()

    def _restart(self, why: str) -> None:
        log.warning("Topic %s is read from its beginning: %s", self._topic, why)
        self._restarted.append(why)

    def _on_error(self, error: KafkaError) -> None:
        # A request only says that it failed; why a connection did is said here.
        self._complaint = error.str()

    def _failure(self, error: KafkaError) -> SourceError:
        remedy = "Check the brokers, the network and sources.toml; nothing received is lost."
        if error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:
            remedy = "Create the topic, or correct the contract's source."
        # Complaints are told to who polls; a message that comes with it is received again.
        self._client.poll(0)
        said = f"Topic {self._topic!r} cannot be read: {error.str()}."
        if self._complaint:
            said += f" The last complaint of the connection: {self._complaint}."
        return SourceError(said, remedy, is_transient=error.code() in _PASSING)


def _message(record: Record) -> Message:
    _, milliseconds = record.timestamp()
    return Message(
        payload=record.value() or b"",
        topic=record.topic() or "",
        partition=record.partition(),
        offset=record.offset(),
        happened=milliseconds * 1000,
        key=record.key(),
    )
