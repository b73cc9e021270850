"""One server of the sandbox as a process: started by `sources/sandboxed.py`.

Prints its `host:port`, then serves until its standard input is closed, so that it never
outlives who started it. What a server does is the business of its own module.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inventory_platform.errors import InventoryError
from inventory_platform.sandbox.serving import served

FAILED, NO_SUCH_SERVER, MISSING = 1, 2, 3
"""Exit codes; what happened and what to do stand on standard error, with a tab between."""

Server = Callable[[Path, float], AbstractContextManager[str]]
"""Starts a server that may keep files in a folder; yields `host:port`. One that sends messages
goes on with so many a second."""


class ProgramMissingError(InventoryError):
    """A server needs a program that this machine does not have."""


@contextmanager
def linnworks(folder: Path, traffic: float) -> Iterator[str]:
    """The Linnworks API."""
    del folder, traffic
    from inventory_platform.sandbox.linnworks import Faults, create_app

    with served(create_app(faults=Faults(unknown_fields=False))) as url:
        yield url.removeprefix("http://")


@contextmanager
def shop(folder: Path, traffic: float) -> Iterator[str]:
    """A competitor's website."""
    del folder, traffic
    from inventory_platform.sandbox.shop import create_app

    with served(create_app()) as url:
        yield url.removeprefix("http://")


@contextmanager
def pos(folder: Path, traffic: float) -> Iterator[str]:
    """The tills' API."""
    del folder, traffic
    from inventory_platform.sandbox.pos_api import create_app

    with served(create_app()) as url:
        yield url.removeprefix("http://")


@contextmanager
def mqtt(folder: Path, traffic: float) -> Iterator[str]:
    """A broker with what the sensors sent since nobody listened."""
    from inventory_platform.sandbox.brokers import find_mosquitto, publish_mqtt
    from inventory_platform.sandbox.devices import device_traffic, serve_devices

    if find_mosquitto() is None:
        raise ProgramMissingError(
            "Mosquitto is not installed.", "Run `bash scripts/install-test-servers.sh`."
        )
    with serve_devices(folder) as url, _flowing(publish_mqtt, url, device_traffic, traffic):
        yield url.removeprefix("mqtt://")


@contextmanager
def kafka(folder: Path, traffic: float) -> Iterator[str]:
    """A cluster with what happened in the web shop."""
    del folder
    from inventory_platform.sandbox.brokers import publish_kafka
    from inventory_platform.sandbox.devices import serve_shop, shop_traffic

    with serve_shop() as url, _flowing(publish_kafka, url, shop_traffic, traffic):
        yield url.removeprefix("kafka://")


@contextmanager
def _flowing(
    publish: Callable[..., int], url: str, messages: Callable[..., Any], rate: float
) -> Iterator[None]:
    """Let live messages flow while the block runs, none at a rate of 0."""
    stop = threading.Event()
    numbered = messages(f"live-{os.getpid()}", lambda: datetime.now(UTC))
    flow = threading.Thread(
        target=publish, args=(url, numbered), kwargs={"rate": rate, "stop": stop}, daemon=True
    )
    if rate:
        flow.start()
    try:
        yield
    finally:
        stop.set()
        if rate:
            flow.join()


SERVERS: dict[str, Server] = {
    "linnworks": linnworks,
    "shop": shop,
    "pos": pos,
    "mqtt": mqtt,
    "kafka": kafka,
}


def main(name: str, data_dir: str, traffic: str = "0") -> int:
    """Serve until nobody listens any more."""
    server = SERVERS.get(name)
    if server is None:
        return _complain(
            NO_SUCH_SERVER, f"The sandbox has no server {name!r}.", f"Known: {', '.join(SERVERS)}."
        )
    folder = Path(data_dir) / "sandbox" / name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with server(folder, float(traffic)) as address:
            sys.stdout.write(f"{address}\n")
            sys.stdout.flush()
            sys.stdin.read()
    except ProgramMissingError as error:
        # A newcomer may go without; whoever tests for others may not.
        return _complain(FAILED if os.environ.get("CI") else MISSING, error.what, error.remedy)
    except InventoryError as error:
        return _complain(FAILED, error.what, error.remedy)
    return 0


def _complain(code: int, what: str, remedy: str) -> int:
    sys.stderr.write(f"{what}\t{remedy}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
