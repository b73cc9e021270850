"""Pages that sources answered: kept as they came, whole up to a checkpoint, read into tables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory_platform import duck
from inventory_platform.contracts.base import Contract, Integer, Text, column, describe, table
from inventory_platform.errors import LandingError, SourceError
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.pages import FetchRecord, PageReader, PageStore
from inventory_platform.landing.views import create_views, current_select
from inventory_platform.settings import Settings
from inventory_platform.sources.base import Checkpoint, Fetch, FetchItem, Page

NOON = datetime(2026, 9, 1, 12)  # noqa: DTZ001 - the lake keeps naive UTC
FETCHES = {"orders": Fetch(["orders", "notes"], "Orders."), "stock": Fetch(["stock"], "Stock.")}


class Orders(Contract):
    """Orders as they change."""

    order_id: Integer = column("Id", "Identifies the order.")
    status: Text = column("Status", "Status.")

    class Config:
        metadata = table("orders:[]", key=["order_id"], increments=True)


class Stock(Contract):
    """What is there, as a whole."""

    sku: Text = column("Sku", "Identifies the item.")
    level: Integer = column("Level", "Pieces.")

    class Config:
        metadata = table("stock:[]", key=["sku"])


class Waiting(Contract):
    """What waits to be packed: nothing, on a good day."""

    sku: Text = column("Sku", "Identifies the item.")

    class Config:
        metadata = table("stock:[]", key=["sku"], elsewhere=["Level"], may_be_empty=True)


class Notes(Contract):
    """What was said: rows without a key, each counted."""

    word: Text = column("Word", "A word.")

    class Config:
        metadata = table("notes:[]", increments=True)


NOTES = describe(Notes, "shop")
ORDERS, STOCK = describe(Orders, "shop"), describe(Stock, "shop")
WAITING = describe(Waiting, "shop")


class Scripted:
    """A fetcher that answers what the test wrote down."""

    def __init__(self, *items: FetchItem | Exception) -> None:
        self.items = items
        self.asked_from: list[str | None] = []

    def fetches(self) -> Mapping[str, Fetch]:
        return FETCHES

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        self.asked_from.append(resume)
        for item in self.items:
            if isinstance(item, Exception):
                raise item
            yield item


def page(stream: str, rows: list[Any], request: str = "page 1") -> Page:
    return Page(stream, request, json.dumps(rows))


def order(number: int, status: str) -> dict[str, Any]:
    return {"Id": number, "Status": status}


class Shop:
    """A lake, the pages of a source called `shop`, and its tables."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder, threads=1)
        self.lake = Lake(self.settings.lake_dir)

    def store(self, fetch: str = "orders") -> PageStore:
        return PageStore(self.lake, "shop", fetch)

    def collect(
        self, *items: FetchItem | Exception, fetch: str = "orders", at: datetime = NOON
    ) -> list[FetchRecord]:
        return self.store(fetch).collect(Scripted(*items), timeout_seconds=1, now=lambda: at)

    def load(self, contract: Any) -> LoadRecord:
        reader = PageReader(self.lake, "shop", FETCHES)
        return Loader(self.settings, reader, address="test").load(contract)

    def rows(self, contract: Any) -> list[tuple[Any, ...]]:
        with duck.connect(self.settings) as con:
            names = ", ".join(c.name for c in contract.columns)
            current = current_select(con, self.lake, contract)
            return con.execute(
                f"select {names}, _is_deleted from ({current}) order by 1"
            ).fetchall()

    def query(self, contract: Any, sql: str) -> list[tuple[Any, ...]]:
        with duck.connect(self.settings) as con:
            create_views(con, self.lake, [contract])
            return con.execute(sql).fetchall()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "data")


def test_pages_are_kept_as_they_came_and_become_rows(shop: Shop) -> None:
    (record,) = shop.collect(
        page("orders", [order(1, "new")]), page("notes", []), Checkpoint("one")
    )
    assert (record.pages, record.resume) == (2, "one")
    load = shop.load(ORDERS)
    assert (load.rows_read, load.rows_loaded, load.resume) == (1, 1, record.fetch_id)
    assert shop.rows(ORDERS) == [(1, "new", False)]


def test_the_next_fetch_goes_on_where_the_last_checkpoint_was(shop: Shop) -> None:
    shop.collect(page("orders", []), Checkpoint("one"), page("orders", [1]), Checkpoint("two"))
    fetcher = Scripted()
    shop.store().collect(fetcher, timeout_seconds=1)
    assert fetcher.asked_from == ["two"]


def test_what_came_after_the_last_checkpoint_is_not_kept(shop: Shop) -> None:
    with pytest.raises(SourceError, match="went away"):
        shop.collect(
            page("orders", [order(1, "new")]),
            Checkpoint("one"),
            page("orders", [order(2, "new")]),
            SourceError("The server went away."),
        )
    assert [shop.store().record(i).resume for i in shop.store().ids()] == ["one"]
    shop.load(ORDERS)
    assert shop.rows(ORDERS) == [(1, "new", False)]


def test_the_same_pages_again_are_kept_once_a_day(shop: Shop) -> None:
    same = (page("stock", [{"Sku": "a", "Level": 1}]), Checkpoint(""))
    assert len(shop.collect(*same, fetch="stock")) == 1
    assert shop.collect(*same, fetch="stock", at=NOON + timedelta(hours=3)) == []
    assert len(shop.collect(*same, fetch="stock", at=NOON + timedelta(days=1))) == 1


def test_a_table_that_is_compared_as_a_whole_sees_the_newest_fetch_alone(shop: Shop) -> None:
    shop.collect(
        page("stock", [{"Sku": "a", "Level": 1}, {"Sku": "b", "Level": 2}]),
        Checkpoint(""),
        fetch="stock",
    )
    shop.load(STOCK)
    later = NOON + timedelta(days=1)
    shop.collect(page("stock", [{"Sku": "a", "Level": 5}]), Checkpoint(""), fetch="stock", at=later)
    load = shop.load(STOCK)
    assert (load.rows_read, load.rows_loaded, load.rows_vanished) == (1, 1, 1)
    assert shop.rows(STOCK) == [("a", 5, False), ("b", 2, True)]
    assert shop.load(STOCK).rows_deduplicated == 1


def test_a_whole_that_is_suddenly_empty_is_refused_unless_it_may_be(shop: Shop) -> None:
    shop.collect(page("stock", [{"Sku": "a", "Level": 1}]), Checkpoint(""), fetch="stock")
    shop.load(STOCK)
    shop.load(WAITING)
    shop.collect(page("stock", []), Checkpoint(""), fetch="stock")
    with pytest.raises(LandingError, match="may_be_empty"):
        shop.load(STOCK)
    assert shop.rows(STOCK) == [("a", 1, False)]
    load = shop.load(WAITING)
    assert (load.rows_read, load.rows_vanished) == (0, 1)
    assert shop.rows(WAITING) == [("a", True)]


def test_the_later_of_two_versions_in_one_load_wins_and_both_are_accounted_for(shop: Shop) -> None:
    shop.collect(page("orders", [order(1, "new"), order(2, "new")]), Checkpoint("one"))
    shop.collect(page("orders", [order(1, "sent")]), Checkpoint("two"))
    load = shop.load(ORDERS)
    assert (load.rows_read, load.rows_loaded, load.rows_deduplicated) == (3, 2, 1)
    assert load.rows_quarantined == 0
    assert shop.rows(ORDERS) == [(1, "sent", False), (2, "new", False)]


def test_a_row_that_goes_back_to_what_it_was_is_a_change(shop: Shop) -> None:
    for number, status in enumerate(["new", "held", "new"]):
        shop.collect(page("orders", [order(1, status)]), Checkpoint(str(number)))
        assert shop.load(ORDERS).rows_loaded == 1
    assert shop.rows(ORDERS) == [(1, "new", False)]
    assert shop.query(ORDERS, "select count(*) from raw.shop__orders") == [(3,)]


def test_rows_fetched_again_without_a_change_load_nothing(shop: Shop) -> None:
    shop.collect(page("orders", [order(1, "new")]), Checkpoint("one"))
    shop.load(ORDERS)
    shop.collect(page("orders", [order(1, "new")], "page 2"), Checkpoint("two"))
    load = shop.load(ORDERS)
    assert (load.rows_read, load.rows_loaded, load.rows_deduplicated) == (1, 0, 1)


def test_two_contradicting_rows_of_one_page_leave_one_in_quarantine(shop: Shop) -> None:
    shop.collect(page("orders", [order(1, "new"), order(1, "sent")]), Checkpoint("one"))
    load = shop.load(ORDERS)
    assert (load.rows_loaded, load.rows_quarantined) == (1, 1)
    assert shop.query(ORDERS, "select reason_code, origin, position from ops.quarantine") == [
        ("duplicate_key", "page 1", 1)
    ]


def test_every_raw_row_says_which_page_it_came_from(shop: Shop) -> None:
    shop.collect(page("orders", [order(7, "new")], "GET /orders?page=3"), Checkpoint("one"))
    shop.load(ORDERS)
    found = shop.query(ORDERS, "select _origin, _position from raw.shop__orders")
    assert found == [("GET /orders?page=3", 1)]


def test_a_page_that_is_no_list_is_quarantined_as_it_came(shop: Shop) -> None:
    shop.collect(
        Page("orders", "page 1", '{"error": "busy"}'),
        page("orders", [order(1, "new")], "page 2"),
        Checkpoint("one"),
    )
    load = shop.load(ORDERS)
    assert (load.rows_read, load.rows_loaded, load.rows_quarantined) == (2, 1, 1)
    assert shop.query(ORDERS, "select reason, payload from ops.quarantine") == [
        ("is not a list", '{"line":"{\\"error\\": \\"busy\\"}"}')
    ]


def test_a_table_whose_pages_were_never_fetched_says_so(shop: Shop) -> None:
    with pytest.raises(SourceError, match="pages/shop__orders"):
        shop.load(ORDERS)


def test_a_stream_nobody_fetches_is_named(shop: Shop) -> None:
    with pytest.raises(SourceError, match=r"no stream 'returns'.*\n.*notes, orders, stock"):
        PageReader(shop.lake, "shop", FETCHES).fetch_of("returns:[]")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "when", "kept"),
    [
        ("place", "before", []),
        ("place", "after", []),
        ("commit_text", "before", []),
        ("commit_text", "after", ["one"]),
    ],
)
def test_a_fetch_that_is_killed_leaves_whole_pieces_and_the_next_one_completes_it(
    shop: Shop, point: str, when: str, kept: list[str]
) -> None:
    driver = Path(__file__).with_name("page_driver.py")
    killed = subprocess.run(
        [sys.executable, driver, shop.settings.data_dir, point, when],
        env={**os.environ, "PYTHONPATH": str(driver.parents[1])},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    store = shop.store()
    assert [store.record(i).resume for i in store.ids()] == kept
    shop.collect(
        page("orders", [order(1, "new")]),
        Checkpoint("one"),
        page("orders", [order(2, "new")]),
        Checkpoint("two"),
    )
    shop.load(ORDERS)
    assert shop.rows(ORDERS) == [(1, "new", False), (2, "new", False)]
    files = {p.stem for p in (shop.lake.root / "pages").rglob("*.parquet")}
    assert files <= set(store.ids())
    load = shop.load(ORDERS)
    assert (load.rows_read, load.rows_loaded) == (0, 0)


def test_pages_that_arrive_while_a_load_begins_are_read_by_the_next_one_alone(
    tmp_path, monkeypatch
):
    shop = Shop(tmp_path)
    shop.collect(page("notes", [{"Word": "first"}]), Checkpoint("1"))
    listed = PageStore.files
    late = [page("notes", [{"Word": "late"}]), Checkpoint("2")]

    def files(store: PageStore) -> dict[str, Any]:
        if late:
            items, late[:] = tuple(late), []
            shop.collect(*items)
        return listed(store)

    monkeypatch.setattr(PageStore, "files", files)
    assert [shop.load(NOTES).rows_loaded for _ in range(3)] == [1, 1, 0]
    assert shop.rows(NOTES) == [("first", False), ("late", False)]
