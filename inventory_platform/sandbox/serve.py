"""One server of the sandbox as a process: `python -m inventory_platform.sandbox.serve NAME DIR`.

Prints its `host:port`, then serves until its standard input is closed, so that it never
outlives who started it. What a server does is the business of its own module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from inventory_platform.sandbox.serving import served

Server = Callable[[Path], AbstractContextManager[str]]
"""Starts a server that may keep files in a folder; yields `host:port`."""


@contextmanager
def linnworks(folder: Path) -> Iterator[str]:
    """The Linnworks API."""
    del folder
    from inventory_platform.sandbox.linnworks import create_app

    with served(create_app()) as url:
        yield url.removeprefix("http://")


@contextmanager
def shop(folder: Path) -> Iterator[str]:
    """A competitor's website."""
    del folder
    from inventory_platform.sandbox.shop import create_app

    with served(create_app()) as url:
        yield url.removeprefix("http://")


@contextmanager
def pos(folder: Path) -> Iterator[str]:
    """The tills' API."""
    del folder
    from inventory_platform.sandbox.pos_api import create_app

    with served(create_app()) as url:
        yield url.removeprefix("http://")


SERVERS: dict[str, Server] = {"linnworks": linnworks, "shop": shop, "pos": pos}


def main(name: str, data_dir: str) -> int:
    """Serve until nobody listens any more."""
    server = SERVERS.get(name)
    if server is None:
        known = ", ".join(sorted(SERVERS))
        sys.stderr.write(f"The sandbox has no server {name!r}.\tUse one of: {known}.\n")
        return 2
    folder = Path(data_dir) / "sandbox" / name
    folder.mkdir(parents=True, exist_ok=True)
    with server(folder) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
