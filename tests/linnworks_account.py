"""A Linnworks account in a box, fetched and loaded into a lake of its own; a helper of the tests.

    python -m tests.linnworks_account <address> <data folder> <fetch> <n>

fetches in a process that kills itself after the n-th item of the fetch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract, contracts_of
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.pages import FetchRecord, PageReader, PageStore
from inventory_platform.landing.views import create_views, current_select
from inventory_platform.sandbox.linnworks import Credentials, create_app
from inventory_platform.sandbox.serving import served
from inventory_platform.settings import Settings
from inventory_platform.sources.base import FetchItem, Page
from inventory_platform.sources.linnworks import LinnworksFetcher

THE_END = datetime(2026, 10, 1, tzinfo=UTC)
"""When the sandbox's time ends: the present instant of these tests."""
SHOWN = Credentials()
OPTIONS = {
    "application_id": SHOWN.application_id,
    "application_secret": SHOWN.application_secret,
    "token": SHOWN.token,
    "start": "2024-10-01",
}
CONTRACTS = contracts_of("linnworks")
TABLES_OF: dict[str, list[TableContract]] = {}
for _contract in CONTRACTS.values():
    TABLES_OF.setdefault(_contract.source_table.partition(":")[0], []).append(_contract)


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Account:
    """A sandbox server, and the lake it is read into."""

    def __init__(self, url: str, data_dir: Path, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.settings = Settings(data_dir=data_dir, threads=1)
        self.lake = Lake(self.settings.lake_dir)

    # -- what happens at the other end -----------------------------------------------------

    def let(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Let something happen in the shop or to the server."""
        answer = httpx.post(f"{self.url}/sandbox/{what}", json=arguments)
        answer.raise_for_status()
        return dict(answer.json())

    def calls(self) -> dict[str, int]:
        """How often each method was called."""
        return dict(httpx.get(f"{self.url}/sandbox/calls").json())

    # -- reading it ------------------------------------------------------------------------

    def fetcher(self, *, now: datetime = THE_END, **options: Any) -> LinnworksFetcher:
        return LinnworksFetcher(
            f"linnworks+{self.url}",
            {**OPTIONS, **options},
            sleep=self.clock.sleep,
            clock=self.clock,
            now=lambda: now,
        )

    def items(self, name: str, resume: str | None = None, **options: Any) -> list[FetchItem]:
        """What a fetch yields, without keeping it."""
        return list(self.fetcher(**options).fetch(name, resume))

    def fetch(self, name: str, *, now: datetime = THE_END, **options: Any) -> list[FetchRecord]:
        """Fetch into the lake."""
        store = PageStore(self.lake, "linnworks", name)
        return store.collect(
            self.fetcher(now=now, **options),
            timeout_seconds=5,
            now=lambda: now.replace(tzinfo=None),
        )

    def load(self, *names: str) -> dict[str, LoadRecord]:
        """Load tables out of the pages; all of them when none is named."""
        reader = PageReader(self.lake, "linnworks", self.fetcher().fetches())
        loader = Loader(self.settings, reader, address="linnworks")
        return {name: loader.load(CONTRACTS[name]) for name in names or CONTRACTS}

    def read_orders(self, **options: Any) -> None:
        """Fetch orders and load both tables of them."""
        self.fetch("orders", **options)
        self.load("processed_orders", "processed_order_details")

    def query(self, sql: str) -> list[Any]:
        """Ask the raw relations; `{name}` stands for the present rows of a table."""
        with duck.connect(self.settings) as con:
            present = {
                name: f"(select * from ({current_select(con, self.lake, c)}) where not _is_deleted)"
                for name, c in CONTRACTS.items()
            }
            create_views(con, self.lake, CONTRACTS.values())
            return con.sql(sql.format_map(present)).fetchall()


@contextmanager
def account(
    data_dir: Path, rows: int = 300, *, clock: Clock | None = None, **server: Any
) -> Iterator[Account]:
    """Serve an account for as long as the block runs."""
    clock = clock or Clock()
    with served(create_app(rows, clock=clock, **server)) as url:
        yield Account(url, data_dir, clock)


def pages(items: list[FetchItem]) -> list[tuple[str, str, str]]:
    """The pages among what a fetch yields."""
    return [(i.stream, i.request, i.body) for i in items if isinstance(i, Page)]


def documents(items: list[FetchItem], stream: str) -> list[Any]:
    """The answers of one stream, read."""
    return [json.loads(body) for name, _, body in pages(items) if name == stream]


def ids(items: list[FetchItem], stream: str, rows: Callable[[Any], Any], name: str) -> list[str]:
    """One field of all rows of a stream."""
    return [row[name] for document in documents(items, stream) for row in rows(document)]


class Dying:
    """A fetcher whose process is killed after some items."""

    def __init__(self, fetcher: LinnworksFetcher, items: int) -> None:
        self.fetcher = fetcher
        self.items = items

    def fetches(self) -> Mapping[str, Any]:
        return self.fetcher.fetches()

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        yield from islice(self.fetcher.fetch(name, resume), self.items)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    url, folder, fetch, count = sys.argv[1:]
    reading = Account(url, Path(folder), Clock())
    PageStore(reading.lake, "linnworks", fetch).collect(
        Dying(reading.fetcher(page_size=20), int(count)), timeout_seconds=5
    )
