"""Messages as documents: what reading MQTT and reading Kafka have in common.

Here is how messages of a stream are gathered into one batch, handed over as rows, and
acknowledged once these are committed. How a broker is spoken to is in `mqtt.py` and
`kafka.py`; how a payload becomes rows is `documents.py`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.base import Relation, Request, SourceTable
from inventory_platform.sources.documents import rows_of, stream_of

log = logging.getLogger(__name__)

_SLICE_SECONDS = 0.2
"""How long a receiver may sit before it looks whether it should stop."""

_BATCH_BYTES = 64 * 2**20


class TakenError(SourceError):
    """Another process of this machine is reading the stream, and only one can."""


class Message(NamedTuple):
    """One message as a broker delivered it.

    `happened` is the broker's timestamp, or the instant of arrival where a broker gives none,
    in microseconds since 1970.
    """

    payload: bytes
    topic: str
    partition: int | None
    offset: int | None
    happened: int
    key: bytes | None


class Consumer(Protocol):
    """One place in one stream, from which messages are received in order."""

    @property
    def resume(self) -> str:
        """Where to go on once everything received so far is committed."""

    def open(self, resume: str | None) -> None:
        """Connect and stand where an earlier `resume` says; at the beginning without one.

        Raises:
            TakenError: Another process of this machine reads there, and only one can.
            SourceError: The broker cannot be reached or refuses; says why and what to do.
        """

    def receive(self, limit: int, seconds: float) -> list[Message]:
        """What arrives within some time, at most `limit` messages.

        Raises:
            SourceError: The connection is lost, or the place in the stream is gone.
        """

    def is_caught_up(self) -> bool:
        """Whether everything is received that was there when the consumer was opened."""

    def acknowledge(self) -> None:
        """Tell the broker that everything received is kept.

        It is kept even if the broker does not hear it: it sends the messages again then, and
        their rows are recognised.
        """

    def close(self) -> None:
        """Disconnect; what is not acknowledged comes again."""


@dataclass
class _Place:
    """An open consumer, where the last commit left it, and what was received since.

    `is_ahead` says that messages were handed over whose load is not committed; unless that
    comes, they have to be received again.
    """

    consumer: Consumer
    committed: str | None
    waiting: list[Message] = field(default_factory=list)
    is_ahead: bool = False


class StreamReader:
    """Reads the streams of one broker; a contract's source is a topic.

    Args:
        consumer: Makes the consumer of a topic.
        batch_messages: Messages that one load takes at most.
    """

    def __init__(self, consumer: Callable[[str], Consumer], batch_messages: int) -> None:
        self._make = consumer
        self._batch_messages = batch_messages
        self._places: dict[str, _Place] = {}
        self.stays_open = False
        """Whether consumers outlive their load, and take what `gather` brings, not all there is.

        The first load of a table then only finds its place. Who sets it has to call `close`.
        """

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Nothing: a stream is connected to when its messages are asked for."""

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """Nothing: what a topic carries is only known from its messages."""
        del con
        return []

    def gather(self, table: str, seconds: float, messages: int, stop: Callable[[], bool]) -> int:
        """Wait for messages for the next load of a table that was loaded by this reader before.

        Args:
            table: The table's name in the source.
            seconds: How long to go on after the first message.
            messages: How many are enough; the reader's own limit when that is less.
            stop: Asked now and then; when it says so, what is there is enough.

        Returns:
            How many messages the next load will take.

        Raises:
            SourceError: The connection is lost, or the place in the stream is gone.
        """
        place = self._places[stream_of(table)]
        limit = min(messages, self._batch_messages)
        deadline = None
        size = 0
        while len(place.waiting) < limit and size < _BATCH_BYTES and not stop():
            left = _SLICE_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                break
            received = place.consumer.receive(limit - len(place.waiting), min(left, _SLICE_SECONDS))
            if received and deadline is None:
                deadline = time.monotonic() + seconds
            size += sum(len(message.payload) for message in received)
            place.waiting += received
        return len(place.waiting)

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield the rows of what was gathered, or of everything that is there.

        Raises:
            SourceError: The broker cannot be reached, refuses or stops answering.
        """
        topic = stream_of(request.table)
        place = self._places.get(topic)
        if place is None or place.is_ahead or place.committed != request.resume:
            # The last: another process has loaded meanwhile.
            try:
                place = self._open(topic, request.resume)
            except TakenError as error:
                if self.stays_open:
                    raise
                # What comes in is being loaded already, so nothing is missing here.
                log.info("Nothing to load from %s: %s", topic, error.what)
                yield from self._rows(con, [], request)
                return
            if not self.stays_open:
                self._drain(place)
        messages, place.waiting = place.waiting, []
        place.is_ahead = True
        resume = place.consumer.resume

        def acknowledge() -> None:
            place.consumer.acknowledge()
            place.committed, place.is_ahead = resume, False
            if not self.stays_open:
                self.close()

        for rows in self._rows(con, messages, request):
            yield replace(rows, resume=resume, acknowledge=acknowledge)

    def close(self) -> None:
        """Disconnect from the broker; what is not acknowledged comes again."""
        while self._places:
            self._places.popitem()[1].consumer.close()

    @staticmethod
    def _rows(
        con: duckdb.DuckDBPyConnection, messages: Sequence[Message], request: Request
    ) -> Iterator[Relation]:
        con.register("stream_messages", _as_arrow(messages))
        for rows in rows_of(con, "from stream_messages", request):
            yield replace(rows, resume=request.resume)

    def _open(self, topic: str, resume: str | None) -> _Place:
        left = self._places.pop(topic, None)
        if left is not None:
            left.consumer.close()
        consumer = self._make(topic)
        consumer.open(resume)
        self._places[topic] = place = _Place(consumer, resume)
        return place

    def _drain(self, place: _Place) -> None:
        size = 0
        while not place.consumer.is_caught_up() and size < _BATCH_BYTES:
            limit = self._batch_messages - len(place.waiting)
            if limit == 0:
                break
            received = place.consumer.receive(limit, _SLICE_SECONDS)
            size += sum(len(message.payload) for message in received)
            place.waiting += received


def _as_arrow(messages: Sequence[Message]) -> pa.Table:
    """The messages as documents, with where each stood and its facts."""
    columns: Sequence[Sequence[Any]] = list(zip(*messages, strict=True)) or [()] * 6
    payloads, topics, partitions, offsets, happened, keys = columns
    origins = (
        topic if partition is None else f"{topic}/{partition}"
        for topic, partition in zip(topics, partitions, strict=True)
    )
    places = (place if offset is None else offset for place, offset in enumerate(offsets, start=1))
    return pa.table(
        {
            "document": pa.array(map(_text, payloads), pa.string()),
            "origin": pa.array(origins, pa.string()),
            "position": pa.array(places, pa.int64()),
            "@topic": pa.array(topics, pa.string()),
            "@partition": pa.array(partitions, pa.int32()),
            "@offset": pa.array(offsets, pa.int64()),
            "@timestamp": pa.array(happened, pa.timestamp("us")),
            "@key": pa.array((None if k is None else _text(k) for k in keys), pa.string()),
        }
    )


def _text(data: bytes) -> str:
    # An escape like \xff is in no JSON document, so a payload that is not text is not JSON.
    return data.decode("utf-8", errors="backslashreplace")


@dataclass(frozen=True)
class BrokerAddress:
    """An address like `mqtts://user:password@host:port`, taken apart."""

    scheme: str
    hosts: Sequence[tuple[str, int]]
    user: str | None
    password: str | None


def parse_address(address: str, default_ports: Mapping[str, int]) -> BrokerAddress:
    """Take an address apart: `scheme://user:password@host:port,host:port`.

    Raises:
        SettingsError: It names no host, or a port that is none.
    """
    scheme, _, rest = address.partition("://")
    # A password may hold a slash, as those of Event Hubs do; a host cannot hold an @.
    login, _, listed = rest.rpartition("@")
    user, _, password = login.partition(":")
    hosts = []
    for part in listed.rstrip("/").split(","):
        host, _, port = part.partition(":")
        if not host or not (port or "0").isdigit():
            raise SettingsError(
                f"Address {scheme}://…@{listed} names no host and port.",
                f"Write {scheme}://host:port, with user:${{PASSWORD}}@ before the host where the "
                "broker asks for them.",
            )
        hosts.append((host, int(port or default_ports[scheme])))
    return BrokerAddress(
        scheme, hosts, unquote(user) if user else None, unquote(password) if password else None
    )


_LEAST: Mapping[str, float] = {"batch_messages": 1, "session_days": 1, "idle_seconds": 0.1}
"""With less nothing would ever be read, or nothing be kept for us."""


def read_options(options: Mapping[str, Any], known: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Options with their defaults.

    Args:
        options: As written in `sources.toml`.
        known: Name → default; a given value must be of the default's type, text where the
            default is None.
        what: What the options are for, for the message.

    Raises:
        SettingsError: An option is unknown, of another type or too small.
    """
    for name, value in options.items():
        if name not in known:
            raise SettingsError(
                f"{what} has no option {name!r}.", f"Known options: {', '.join(sorted(known))}."
            )
        kind = str if known[name] is None else type(known[name])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise SettingsError(
                f"{what}: option {name!r} is {value!r}.", f"Give a value of type {kind.__name__}."
            )
        # Asked this way round, "nan" is too small as well.
        if name in _LEAST and not value >= _LEAST[name]:
            raise SettingsError(
                f"{what}: option {name!r} is {value!r}.", f"Give {_LEAST[name]} or more."
            )
    return {**known, **options}
