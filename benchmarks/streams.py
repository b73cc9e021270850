"""How soon a message is committed, and what that costs, at a steady rate.

    python benchmarks/streams.py [--seconds 60] [--rate 5000] [--pace 1.0]

Sensors' events are published at the rate given, by a process of its own, to librdkafka's test
cluster (Kafka's protocol) and to a real Mosquitto (MQTT 5, quality of service 1), one after the
other. This process does what `inventory stream` does, with one DuckDB thread, and reports to a
Dagster instance on disk. Each event carries the instant it was published at; each load's record
says when it was committed. Everything lives in a temporary folder that is removed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import dagster as dg

from inventory_platform import duck
from inventory_platform.contracts.base import contracts_of
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.views import create_views
from inventory_platform.operations.streaming import Pace, reporter, stream
from inventory_platform.sandbox.brokers import (
    KafkaCluster,
    MosquittoBroker,
    open_session,
    publish_kafka,
    publish_mqtt,
)
from inventory_platform.sandbox.devices import SESSION, TOPIC, device_traffic
from inventory_platform.settings import Settings
from inventory_platform.sources.streams.kafka import KafkaReader
from inventory_platform.sources.streams.mqtt import MqttReader

KINDS = ("kafka", "mqtt")
TARGET_SECONDS = 3.0
KAFKA_TOPIC = "stock-events"
WAIT_SECONDS = 60


@dataclass(frozen=True)
class Result:
    """What one run came to; times in seconds."""

    published: int
    missing: int
    doubled: int
    p50: float
    p95: float
    worst: float
    cpu_share: float
    loads: int
    last_loads: float


# -- the publishing process --------------------------------------------------------------------


def publish(kind: str, seconds: float, rate: float, folder: Path) -> None:
    """Start a broker, tell its address, publish when told to, stay until told to end."""
    with broker(kind, folder) as address:
        print(address, flush=True)
        sys.stdin.readline()
        traffic = islice(device_traffic("bench", lambda: datetime.now(UTC)), int(seconds * rate))
        if kind == "mqtt":
            sent = publish_mqtt(address, traffic, rate=rate)
        else:
            sent = publish_kafka(
                address, (replace(m, topic=KAFKA_TOPIC) for m in traffic), rate=rate
            )
        print(sent, flush=True)
        sys.stdin.readline()


@contextmanager
def broker(kind: str, folder: Path) -> Iterator[str]:
    if kind == "mqtt":
        with MosquittoBroker(folder) as mosquitto:
            open_session(mosquitto.address, SESSION, TOPIC)
            yield mosquitto.address
    else:
        with KafkaCluster() as cluster:
            # The topic appears with its first message, which is no event.
            publish_kafka(cluster.address, [replace(_NOTHING, topic=KAFKA_TOPIC)])
            yield cluster.address


_NOTHING = next(device_traffic("none", lambda: datetime.now(UTC)))


# -- the consuming process ---------------------------------------------------------------------


def measure(kind: str, seconds: float, rate: float, pace: Pace) -> Result:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, __file__, "--publish", kind, "--seconds", str(seconds)]
        publisher = subprocess.Popen(
            [*command, "--rate", str(rate), "--folder", str(folder / "broker")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert publisher.stdin is not None
        assert publisher.stdout is not None
        try:
            address = publisher.stdout.readline().strip()
            return consume(kind, address, publisher, folder, pace)
        finally:
            publisher.communicate("\n")


def consume(
    kind: str,
    address: str,
    publisher: subprocess.Popen[str],
    folder: Path,
    pace: Pace,
) -> Result:
    settings = Settings(data_dir=folder / "data", threads=1)
    contract = contracts_of("iot_devices")["stock_events"]
    if kind == "kafka":
        contract = replace(contract, source_table=KAFKA_TOPIC)
    make_reader = MqttReader if kind == "mqtt" else KafkaReader
    landed: list[LoadRecord] = []
    stop = threading.Event()
    home = folder / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        report = reporter(instance)

        def keep(record: LoadRecord) -> None:
            landed.append(record)
            report(record)

        following = threading.Thread(
            target=stream,
            args=([contract], lambda: Loader(settings, make_reader(address), address=kind)),
            kwargs={"landed": keep, "pace": pace, "stop": stop},
        )
        following.start()
        while following.is_alive() and not Lake(settings.lake_dir).load_ids(contract):
            time.sleep(0.1)
        cpu, started = time.process_time(), time.monotonic()
        publisher.stdin.write("\n")  # type: ignore[union-attr]
        publisher.stdin.flush()  # type: ignore[union-attr]
        published = int(publisher.stdout.readline())  # type: ignore[union-attr]
        deadline = time.monotonic() + WAIT_SECONDS
        expected = published + (kind == "kafka")  # the message that made the topic
        while sum(r.rows_read for r in landed) < expected and time.monotonic() < deadline:
            time.sleep(0.2)
        cpu_share = (time.process_time() - cpu) / (time.monotonic() - started)
        stop.set()
        following.join()
    with duck.connect(settings) as con:
        create_views(con, Lake(settings.lake_dir), [contract])
        # Two sensors' clocks are wrong on purpose.
        p50, p95, worst = con.execute(
            "select quantile_cont(waited, 0.5), quantile_cont(waited, 0.95), max(waited) from "
            "(select epoch(committed_at) - epoch(event_at) as waited "
            f"from raw.{contract.relation} join ops.loads on _load_id = load_id "
            "where device_id not in ('NTH-03', 'CTR-07') and event_id like 'bench%')"
        ).fetchall()[0]
        kept, different = con.execute(
            f"select count(*), count(distinct event_id) from raw.{contract.relation} "
            "where event_id like 'bench%'"
        ).fetchall()[0]
    return Result(
        published=published,
        missing=published - different,
        doubled=kept - different,
        p50=p50,
        p95=p95,
        worst=worst,
        cpu_share=cpu_share,
        loads=len(landed),
        last_loads=sum(_seconds(record) for record in landed[-5:]) / 5,
    )


def _seconds(record: LoadRecord) -> float:
    started, committed = map(datetime.fromisoformat, (record.started_at, record.committed_at))
    return (committed - started).total_seconds()


# -- the report --------------------------------------------------------------------------------


def compare(seconds: float, rate: float, pace: Pace) -> bool:
    print(
        f"{rate:,.0f} events/s for {seconds:.0f} s, loads of {pace.seconds} s, one DuckDB thread\n"
    )
    print("| protocol | published | missing | doubled | p50 s | p95 s | worst s "
          "| consumer CPU s per s | loads | one load s, at the end |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    holds = True
    for kind in KINDS:
        r = measure(kind, seconds, rate, pace)
        holds &= r.p95 <= TARGET_SECONDS and r.missing == 0 and r.doubled == 0
        print(
            f"| {kind} | {r.published:,} | {r.missing} | {r.doubled} | {r.p50:.2f} | {r.p95:.2f} "
            f"| {r.worst:.2f} | {r.cpu_share:.2f} | {r.loads} | {r.last_loads:.2f} |",
            flush=True,
        )
    return holds


def main(seconds: float = 60) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--rate", type=float, default=5_000)
    parser.add_argument("--pace", type=float, default=Pace().seconds, help="seconds of one load")
    parser.add_argument("--publish", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.publish:
        publish(arguments.publish, arguments.seconds, arguments.rate, arguments.folder)
    elif not compare(arguments.seconds, arguments.rate, Pace(seconds=arguments.pace)):
        print("A target was missed.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
