"""Linnworks: everything is read, once, whatever happens while it is read."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory_platform import duck
from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sandbox.linnworks import Faults
from inventory_platform.sandbox.linnworks.catalogue import guid
from inventory_platform.sources.base import Checkpoint
from inventory_platform.sources.linnworks import LinnworksFetcher, fetcher
from inventory_platform.sources.linnworks.client import Answer, LinnworksClient
from inventory_platform.sources.linnworks.listing import Paged, TooManyRowsError
from tests.linnworks_account import (
    CONTRACTS,
    OPTIONS,
    SHOWN,
    THE_END,
    Account,
    account,
    documents,
    ids,
    pages,
)

SEARCH = "ProcessedOrders/SearchProcessedOrders"
DETAILS = "Orders/GetOrdersById"
STOCK = "Stock/GetStockItemsFull"
PURCHASE = "PurchaseOrder/Get_PurchaseOrder"
LOCATION = "Locations/GetLocation"
LOGIN = "Auth/AuthorizeByApplication"
QUOTA = '{"Code":"-","Message":"API calls quota exceeded! Maximum admitted 150 per Minute."}'


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Account]:
    with account(tmp_path / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, Any]]:
    """An account that was read whole, and what its loads said; not to be changed."""
    with account(tmp_path_factory.mktemp("linnworks") / "data") as opened:
        for name in opened.fetcher().fetches():
            opened.fetch(name, page_size=50)
        yield opened, opened.load()


def listed(items: list[Any]) -> list[str]:
    return ids(items, "processed_orders", lambda d: d["ProcessedOrders"]["Data"], "pkOrderID")


def detailed(items: list[Any]) -> list[str]:
    return ids(items, "processed_order_details", lambda d: d, "OrderId")


# -- everything ------------------------------------------------------------------------------


def test_every_table_is_loaded_and_every_row_accounted_for(loaded, adds_up):
    _, records = loaded
    assert set(records) == set(CONTRACTS)
    for name, record in records.items():
        assert adds_up(record), name
        assert record.rows_loaded > 0, name
        assert record.rows_quarantined == 0, name


def test_as_many_orders_are_loaded_as_there_are(loaded):
    shop, records = loaded
    assert records["processed_orders"].rows_loaded == 300
    assert records["processed_order_details"].rows_loaded == 300
    assert records["open_orders"].rows_loaded == 9
    [(orders, ids_of_orders)] = shop.query(
        "select count(*), count(distinct order_id) from {processed_orders}"
    )
    assert (orders, ids_of_orders) == (300, 300)


def test_only_fields_that_nobody_described_are_news(loaded):
    _, records = loaded
    news = {name: [d.split(" (")[0] for d in r.drift] for name, r in records.items() if r.drift}
    assert news == {
        "processed_orders": ["added: CarbonOffset"],
        "processed_order_details": ["added: GeneralInfo.DeliveryPromise"],
        "open_orders": ["added: GeneralInfo.DeliveryPromise"],
        "stock_items": ["added: CountryOfOrigin"],
    }


def test_an_order_on_the_boundary_of_two_slices_is_one_row(shop):
    boundary = datetime(2024, 10, 1, tzinfo=UTC) + 3 * timedelta(days=31)
    order = shop.let("insert-order", processed=boundary.isoformat())["OrderId"]
    items = shop.items("orders")
    assert listed(items).count(order) == 2
    shop.fetch("orders")
    record = shop.load("processed_orders")["processed_orders"]
    assert record.rows_loaded == 301
    assert shop.query(f"select count(*) from {{processed_orders}} where order_id = '{order}'") == [
        (1,)
    ]


def test_small_pages_bring_the_same_orders_as_large_ones(tmp_path):
    with account(tmp_path / "data", 900) as shop:
        small, large = shop.items("orders", page_size=20), shop.items("orders", page_size=500)
    assert len(pages(small)) > len(pages(large))
    assert set(listed(small)) == set(listed(large))
    assert set(detailed(small)) == set(detailed(large)) == set(listed(large))


def test_slices_get_shorter_where_there_are_many_orders(shop, monkeypatch):
    usual = shop.items("orders")
    monkeypatch.setattr(fetcher, "_ORDERS_PER_SLICE", 5)
    short = shop.items("orders")
    assert sum(isinstance(i, Checkpoint) for i in short) > 2 * sum(
        isinstance(i, Checkpoint) for i in usual
    )
    assert set(listed(short)) == set(listed(usual))
    assert set(detailed(short)) == set(detailed(usual))


def test_the_two_ways_of_reading_orders_bring_the_same_rows(shop, tmp_path):
    second = Account(shop.url, tmp_path / "second", shop.clock)
    shop.read_orders(orders="v1")
    second.read_orders(orders="v2")
    later = THE_END + timedelta(days=1)
    order = shop.query("select order_id from {processed_orders} order by processed_at desc")[0][0]
    shop.let("late-change", order=order, change="track", tracking="T-1", now=THE_END.isoformat())
    shop.read_orders(orders="v1", now=later)
    second.read_orders(orders="v2", now=later)
    for name in ("processed_orders", "processed_order_details"):
        columns = ", ".join(duck.identifier(c.name) for c in CONTRACTS[name].columns)
        asked = f"select {columns} from {{{name}}} order by order_id"
        assert shop.query(asked) == second.query(asked)


# -- late changes ----------------------------------------------------------------------------


def recent(shop: Account, days: float) -> str:
    """An order that was processed some days before the end and not cancelled."""
    limit = (THE_END - timedelta(days=days)).replace(tzinfo=None).isoformat()
    [(order,)] = shop.query(
        "select order_id from {processed_orders} where not is_cancelled and "
        f"processed_at < timestamp '{limit}' order by processed_at desc limit 1"
    )
    return str(order)


def test_an_order_that_is_cancelled_late_is_updated_in_both_tables(shop):
    shop.read_orders()
    order = recent(shop, 90)
    shop.let("late-change", order=order, change="cancel", now="2026-09-30T12:00:00Z")
    shop.read_orders(now=THE_END + timedelta(hours=1))
    assert shop.query(
        "select o.is_cancelled, o.cancelled_at, d.is_cancelled from {processed_orders} o join "
        f"{{processed_order_details}} d using (order_id) where order_id = '{order}'"
    ) == [(True, datetime(2026, 9, 30, 12), True)]  # noqa: DTZ001 - the lake keeps naive UTC


def test_a_refunded_order_is_updated_within_the_look_back(shop):
    shop.read_orders()
    shop.fetch("returns")
    order = recent(shop, 20)
    shop.let("late-change", order=order, change="refund", now="2026-10-01T08:00:00Z")
    later = THE_END + timedelta(days=1)
    shop.read_orders(now=later)
    shop.fetch("returns", now=later)
    shop.load("returns_refunds")
    assert shop.query(
        f"select status_code from {{processed_order_details}} where order_id = '{order}'"
    ) == [(2,)]
    assert shop.query(
        f"select row_type, amount > 0 from {{returns_refunds}} where order_id = '{order}' "
        "order by row_type"
    ) == [("Refund", True), ("Return", False)]


def test_a_value_that_changes_and_changes_back_is_what_it_is_now(shop):
    shop.read_orders()
    order = recent(shop, 5)
    for hours, tracking in enumerate(("FIRST", "SECOND", "FIRST"), start=1):
        now = THE_END + timedelta(hours=hours)
        shop.let("late-change", order=order, change="track", tracking=tracking, now=now.isoformat())
        shop.read_orders(now=now)
        assert shop.query(
            "select o.tracking_number, d.tracking_number from {processed_orders} o join "
            f"{{processed_order_details}} d using (order_id) where order_id = '{order}'"
        ) == [(tracking, tracking)]


def test_changes_between_two_fetches_are_no_contradiction(shop):
    shop.fetch("orders")
    shop.load("processed_order_details")
    [(order,)] = shop.query(
        "select order_id from {processed_order_details} order by processed_at desc limit 1"
    )
    for hours in (1, 2):
        now = THE_END + timedelta(hours=hours)
        shop.let(
            "late-change", order=order, change="track", tracking=f"T{hours}", now=now.isoformat()
        )
        shop.fetch("orders", now=now)
    record = shop.load("processed_order_details")["processed_order_details"]
    assert record.rows_quarantined == 0
    assert shop.query(
        f"select tracking_number from {{processed_order_details}} where order_id = '{order}'"
    ) == [("T2",)]


def test_a_change_behind_the_look_back_is_seen_by_the_newer_list_only(shop, tmp_path):
    newer = Account(shop.url, tmp_path / "newer", shop.clock)
    shop.read_orders()
    newer.read_orders(orders="v2")
    order = recent(shop, 200)
    shop.let(
        "late-change",
        order=order,
        change="track",
        tracking="LATE",
        now="2026-10-01T06:00:00Z",
    )
    before = newer.calls().get("v2/orders", 0)
    shop.read_orders(now=THE_END + timedelta(days=1))
    newer.read_orders(orders="v2", now=THE_END + timedelta(days=1))
    asked = f"select tracking_number from {{processed_order_details}} where order_id = '{order}'"
    assert shop.query(asked) != [("LATE",)]
    assert newer.query(asked) == [("LATE",)]
    assert newer.calls()["v2/orders"] == before + 1


def test_unchanged_orders_make_no_new_versions(shop):
    shop.read_orders()
    shop.fetch("orders", now=THE_END + timedelta(hours=1))
    records = shop.load("processed_orders", "processed_order_details")
    for record in records.values():
        assert record.rows_read > 0
        assert record.rows_loaded == 0
        assert record.rows_deduplicated == record.rows_read


def test_personal_data_that_was_taken_out_stays_in_the_history(shop):
    shop.let("clock", now="2026-09-01T00:00:00Z")
    shop.read_orders(now=datetime(2026, 9, 20, tzinfo=UTC))
    shop.let("clock", now="2026-12-01T00:00:00Z")
    shop.read_orders(now=datetime(2026, 10, 1, tzinfo=UTC))
    versions = shop.query(
        "select order_id, list(email order by _load_id) from "
        "personal.linnworks__processed_order_details where channel = 'AMAZON' and processed_at "
        "between timestamp '2026-09-01' and timestamp '2026-09-19' group by all"
    )
    assert versions
    for _, (known, now) in versions:
        assert known.endswith("@example.com")
        assert now == "Redacted"
    assert shop.query(
        "select distinct email from {processed_order_details} where channel = 'AMAZON' and "
        "processed_at between timestamp '2026-09-01' and timestamp '2026-09-19'"
    ) == [("Redacted",)]


# -- stock -----------------------------------------------------------------------------------


def test_an_item_that_is_no_longer_listed_is_marked(shop):
    shop.fetch("stock")
    shop.load("stock_items", "stock_item_levels")
    shop.let("archive-item", sku="SKU-00001")
    shop.fetch("stock", now=THE_END + timedelta(hours=1))
    records = shop.load("stock_items", "stock_item_levels")
    assert records["stock_items"].rows_vanished == 1
    assert records["stock_item_levels"].rows_vanished >= 1
    assert shop.query("select sku from raw.linnworks__stock_items where _is_deleted") == [
        ("SKU-00001",)
    ]


def test_stock_of_every_day_is_kept(shop):
    for hours in (0, 1, 24):
        shop.fetch("stock", now=THE_END + timedelta(hours=hours))
        shop.let("archive-item", sku=f"SKU-{hours + 1:05d}")
    shop.load("stock_level_snapshots")
    levels = shop.query(
        "select snapshot_date, count(*), count(distinct stock_item_id) from "
        "{stock_level_snapshots} group by all order by all"
    )
    first, second = levels
    assert (str(first[0]), str(second[0])) == ("2026-10-01", "2026-10-02")
    assert second[1] < first[1]
    assert shop.query(
        "select count(*) from {stock_level_snapshots} where sku = 'SKU-00002' "
        "and snapshot_date = '2026-10-02'"
    ) == [(0,)]


def test_the_end_of_the_stock_list_is_one_refusal_and_no_other(shop):
    whole = shop.items("stock", page_size=20)
    assert len(documents(whole, "stock_items")) == 4
    said = '{"Code":"-","Message":"The request is invalid."}'
    shop.let("fail", method=STOCK, status=400, body=said)
    with pytest.raises(SourceError, match="The request is invalid"):
        shop.items("stock")


def test_a_refused_stock_list_takes_nothing_away(shop):
    shop.fetch("stock")
    shop.load("stock_items")
    shop.let("fail", method=STOCK, status=400, body='{"Message":"Something else."}')
    with pytest.raises(SourceError):
        shop.fetch("stock", now=THE_END + timedelta(hours=1))
    assert shop.load("stock_items")["stock_items"].rows_vanished == 0


def test_a_list_whose_last_page_is_full_ends_too(shop):
    items = shop.items("stock", page_size=22)
    found = ids(items, "stock_items", lambda d: d, "StockItemId")
    assert len(found) == len(set(found)) == 66
    assert [len(d) for d in documents(items, "stock_items")] == [22, 22, 22]


# -- locations and purchase orders -------------------------------------------------------------


@pytest.mark.parametrize(
    ("fetch", "table", "method"),
    [
        ("purchase_orders", "purchase_order_items", PURCHASE),
        ("locations", "stock_location_details", LOCATION),
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        '{"Code":"-","Message":"An error occurred."}',
        QUOTA,
        '{"PurchaseOrderHeader":null,"StockLocationId":null}',
        "null",
    ],
)
def test_an_error_that_comes_as_a_good_answer_takes_no_row_away(shop, fetch, table, method, said):
    shop.fetch(fetch)
    whole = shop.load(table)[table].rows_loaded
    shop.let("fail", method=method, status=200, body=said)
    shop.fetch(fetch, now=THE_END + timedelta(days=1))
    record = shop.load(table)[table]
    assert (record.rows_read, record.rows_vanished) == (whole, 0)
    assert bool(shop.clock.waits and max(shop.clock.waits) >= 5) == (said == QUOTA)


def test_an_answer_about_another_purchase_order_fails_by_name(shop):
    one, another = (
        d["PurchaseOrderHeader"]["pkPurchaseID"]
        for d in documents(shop.items("purchase_orders"), "purchase_order_details")[:2]
    )
    said = {"PurchaseOrderHeader": {"pkPurchaseID": another}, "Message": "Try later."}
    shop.let("fail", method=PURCHASE, status=200, body=json.dumps(said), times=6)
    with pytest.raises(SourceError, match=f"pkPurchaseID {one}: Try later.*6 times in a row"):
        shop.items("purchase_orders")


def test_a_purchase_order_may_hold_the_words_of_a_quota(shop):
    [first, *_] = documents(shop.items("purchase_orders"), "purchase_order_details")
    first["PurchaseOrderHeader"]["SupplierReferenceNumber"] = "API calls quota exceeded!"
    shop.let("fail", method=PURCHASE, status=200, body=json.dumps(first))
    assert first in documents(shop.items("purchase_orders"), "purchase_order_details")
    assert not shop.clock.waits


# -- lists that move while they are read -----------------------------------------------------


def answers(*rounds: list[list[int]], total: bool = True) -> Any:
    """Asks for pages of a list that is another one each time it is read."""
    turn = iter(rounds)
    current: list[list[int]] = []

    def ask(number: int) -> Answer | None:
        nonlocal current
        if number == 1:
            current = next(turn)
        if not total and number > len(current):
            return None
        rows = [{"Id": i} for i in current[number - 1]]
        content = (
            {"TotalEntries": sum(map(len, current)), "TotalPages": len(current), "Data": rows}
            if total
            else rows
        )
        return Answer(f"page {number}", json.dumps(content), content)

    return Paged("list", ask, ("Data",) if total else (), ("Id",))


def test_a_list_with_a_row_on_two_pages_is_read_again():
    listing = answers([[1, 2], [2, 3]], [[1, 2], [3, 4]]).read()
    assert listing.first_fields() == [1, 2, 3, 4]
    assert [p.request for p in listing.pages()] == ["page 1", "page 2"]


def test_a_list_that_never_stands_still_is_an_error():
    with pytest.raises(SourceError, match="changed while it was read, 3 times"):
        answers(*[[[1, 2], [2, 3]]] * 3).read()


def test_a_list_that_says_it_has_more_than_it_gave_is_read_again():
    lists = iter([3, 3, 2])

    def ask(number: int) -> Answer:
        content = {"TotalEntries": next(lists), "TotalPages": 1, "Data": [{"Id": 1}, {"Id": 2}]}
        return Answer("page", json.dumps(content), content)

    assert Paged("list", ask, ("Data",), ("Id",)).read().rows == 2


def given(*answers: list[int] | None) -> Any:
    """A list without totals, as it is answered one time after the other."""
    turn = iter(answers)

    def ask(number: int) -> Answer | None:
        page = next(turn)
        rows = [{"Id": i} for i in page or []]
        return None if page is None else Answer(f"page {number}", json.dumps(rows), rows)

    return Paged("list", ask, (), ("Id",))


def test_a_list_without_totals_is_read_until_two_readings_agree():
    moved, still = ([1, 2], [3, 4], None), ([1, 2], [4], None)
    assert given(*moved, *still, *still).read().first_fields() == [1, 2, 4]
    assert given(*moved, *still, *moved, *moved).read().first_fields() == [1, 2, 3, 4]


def test_a_list_without_totals_that_gives_other_rows_each_time_is_an_error():
    readings = [page for number in range(6) for page in ([number], None)]
    with pytest.raises(SourceError, match="changed while it was read, 3 times"):
        given(*readings).read()


def test_a_row_that_moves_to_a_page_that_was_read_is_not_lost():
    there = list(range(1, 11))
    asked: list[int] = []

    def ask(number: int) -> Answer | None:
        if number == 2 and 2 not in asked:
            there.remove(2)
        asked.append(number)
        rows = [{"Id": i} for i in there[4 * (number - 1) : 4 * number]]
        return Answer(f"page {number}", json.dumps(rows), rows) if rows else None

    assert Paged("list", ask, (), ("Id",)).read().first_fields() == there


def test_a_list_that_one_answer_holds_is_asked_for_once(shop):
    shop.items("purchase_orders")
    assert shop.calls()["PurchaseOrder/Search_PurchaseOrders2"] == 1


def test_stock_that_moves_while_it_is_read_is_not_taken_for_deleted(shop):
    shop.fetch("stock", page_size=20)
    shop.load("stock_items")
    items = shop.fetcher(page_size=20, now=THE_END + timedelta(hours=1))
    asked = LinnworksClient.call

    def call(client: LinnworksClient, verb: str, method: str, arguments: Any, **how: Any) -> Answer:
        if arguments["pageNumber"] == 2 and shop.calls()[STOCK] == before + 1:
            shop.let("archive-item", sku="SKU-00001")
        return asked(client, verb, method, arguments, **how)

    before = shop.calls()[STOCK]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinnworksClient, "call", call)
        found = list(items.fetch("stock", None))
    assert len(ids(found, "stock_items", lambda d: d, "StockItemId")) == 65


def test_a_list_without_totals_also_ends_with_an_empty_page():
    listing = given(*([1, 2], [3], []) * 2).read()
    assert [p.request for p in listing.pages()] == ["page 1", "page 2"]


def test_an_empty_list_is_a_page_without_rows():
    listing = answers([], total=False).read()
    assert [p.body for p in listing.pages()] == ["[]"]


def test_a_list_that_is_too_long_is_not_read():
    with pytest.raises(TooManyRowsError):
        answers([[1, 2], [3]]).read(most=2)
    assert answers([[1, 2], [3]]).read(most=3).rows == 3


# -- sessions, quotas, failures --------------------------------------------------------------


def test_a_session_that_ends_between_two_pages_is_renewed_and_the_page_asked_for_again(shop):
    undisturbed = shop.items("orders", page_size=20)
    logins = shop.calls()[LOGIN]
    disturbed = []
    for place, item in enumerate(shop.fetcher(page_size=20).fetch("orders", None)):
        disturbed.append(item)
        if place % 10 == 3:
            shop.let("expire-session")
    assert disturbed == undisturbed
    assert shop.calls()[LOGIN] - logins > 2


def test_a_session_is_used_for_a_whole_fetch(shop):
    shop.items("orders", page_size=20)
    assert shop.calls()[LOGIN] == 1


def test_no_more_calls_are_made_in_a_minute_than_are_admitted(tmp_path, caplog):
    caplog.set_level("INFO")
    with account(tmp_path / "data", 2_500) as shop:
        items = shop.items("orders", page_size=20)
        assert shop.calls()[SEARCH] > 150
    assert len(set(listed(items))) == 2_500
    assert max(shop.clock.waits) <= 61
    assert "429" not in caplog.text


@pytest.mark.parametrize("retry_after", [True, False])
def test_a_quota_that_is_used_up_is_waited_for(tmp_path, retry_after):
    faults = Faults(retry_after=retry_after)
    with account(tmp_path / "data", quota_factor=0.1, faults=faults) as shop:
        items = shop.items("orders")
    assert len(set(detailed(items))) == 300
    assert shop.clock.waits


def test_the_words_of_a_quota_on_another_status_are_waited_for_too(shop):
    for method in (STOCK, DETAILS):
        shop.let("fail", method=method, status=400, body=QUOTA)
    assert len(ids(shop.items("stock"), "stock_items", lambda d: d, "StockItemId")) == 66
    assert len(set(detailed(shop.items("orders")))) == 300
    assert shop.clock.waits


def test_a_quota_is_never_taken_for_a_missing_order(shop):
    shop.let("fail", method=DETAILS, status=429, body=QUOTA, times=3)
    items = shop.items("orders")
    assert set(detailed(items)) == set(listed(items))


def test_a_server_that_fails_every_now_and_then_is_read_all_the_same(tmp_path):
    faults = Faults(server_error_every=7, quota_on_400_every=11)
    with account(tmp_path / "data", faults=faults) as shop:
        for name in shop.fetcher().fetches():
            shop.fetch(name, page_size=30)
        records = shop.load("processed_orders", "processed_order_details", "stock_items")
    assert records["processed_orders"].rows_loaded == 300
    assert records["processed_order_details"].rows_loaded == 300
    assert records["stock_items"].rows_loaded == 66


def test_an_answer_that_is_empty_is_asked_for_again(shop):
    shop.let("fail", method=SEARCH, status=200, body="")
    shop.let("fail", method=DETAILS, status=200, body="<html>please wait</html>")
    assert len(set(detailed(shop.items("orders")))) == 300


def test_orders_without_details_are_asked_for_again(shop):
    shop.let("fail", method=DETAILS, status=200, body="[]")
    items = shop.items("orders")
    assert set(detailed(items)) == set(listed(items))


def test_details_that_never_come_are_an_error(shop):
    shop.let("fail", method=DETAILS, status=200, body="[]", times=2)
    with pytest.raises(SourceError, match="no details of any of them"):
        shop.items("orders")


def test_a_single_order_without_details_is_told_and_the_rest_goes_on(shop, caplog):
    whole = documents(shop.items("orders"), "processed_order_details")[0]
    less = json.dumps(whole[1:])
    shop.let("fail", method=DETAILS, status=200, body=less)
    shop.let("fail", method=DETAILS, status=200, body="[]")
    items = shop.items("orders")
    assert len(set(listed(items)) - set(detailed(items))) == 1
    assert "1 listed orders have no details" in caplog.text


class Orders:
    """Linnworks as far as orders go, without a server.

    Attributes:
        processed: When each order was processed.
        bare: Orders without details.
        hidden: Orders that no list names yet.
        changes: What the newer list answers instead, page by page.
    """

    def __init__(self, processed: dict[str, str]) -> None:
        self.processed = processed
        self.bare: set[str] = set()
        self.hidden: set[str] = set()
        self.changes: Iterator[dict[str, Any]] | None = None

    def call(self, verb: str, method: str, arguments: Any, **_: Any) -> Answer:
        if method == DETAILS:
            found = set(arguments["pkOrderIds"]) - self.bare
            return told([{"OrderId": order} for order in sorted(found)])
        asked = arguments["request"]
        rows = [
            {"pkOrderID": order}
            for order in self.seen(asked["FromDate"], asked["ToDate"])
            if asked["DateField"] == "processed"
        ]
        data = {"TotalEntries": len(rows), "TotalPages": 1, "Data": rows}
        return told({"ProcessedOrders": data})

    def changed_orders(self, arguments: Any) -> Answer:
        if self.changes is not None:
            return told(next(self.changes))
        rows = [{"OrderId": order} for order in self.seen(arguments["fromDate"], "9999")]
        return told({"ProcessedOrders": rows, "TotalOrders": len(rows)})

    def seen(self, first: str, last: str) -> list[str]:
        listed = {order: at for order, at in self.processed.items() if order not in self.hidden}
        return [order for order, at in listed.items() if first <= at <= last]

    def read(self, now: str, resume: str | None = None, **options: Any) -> list[Any]:
        chosen = fetcher.LinnworksOptions.model_validate(
            {**OPTIONS, "start": "2026-09-01", **options}
        )
        reading = fetcher._Reading(self, chosen, datetime.fromisoformat(now))
        return list(reading.orders(resume))


def told(content: Any) -> Answer:
    return Answer("asked", json.dumps(content), content)


def last_checkpoint(items: list[Any]) -> str:
    return [i for i in items if isinstance(i, Checkpoint)][-1].resume


def test_an_order_without_details_that_is_alone_in_its_batch_stops_nothing(caplog):
    orders = Orders({f"o{n:03}": "2026-09-10T00:00:00Z" for n in range(101)})
    orders.bare = {"o100"}
    items = orders.read("2026-10-01T00:00:00Z")
    assert set(listed(items)) - set(detailed(items)) == {"o100"}
    assert "1 listed orders have no details, such as o100" in caplog.text


def test_an_order_without_details_that_is_alone_in_the_first_slice_stops_nothing():
    orders = Orders({"gone": "2026-09-02T00:00:00Z", "kept": "2026-10-20T00:00:00Z"})
    orders.bare = {"gone"}
    items = orders.read("2026-11-01T00:00:00Z")
    assert detailed(items) == ["kept"]
    first = next(place for place, item in enumerate(items) if isinstance(item, Checkpoint))
    assert "kept" in detailed(items[:first]), "nothing told yet that details are given"


def test_a_fetch_that_gets_no_details_at_all_is_an_error_and_keeps_no_place():
    orders = Orders({"gone": "2026-09-02T00:00:00Z"})
    orders.bare = {"gone"}
    with pytest.raises(SourceError, match="no details of it"):
        orders.read("2026-11-01T00:00:00Z")


def changes(*ids: str, token: str | None) -> dict[str, Any]:
    """A page of the newer list."""
    rows = [{"OrderId": order} for order in ids]
    return {"ProcessedOrders": rows, "OpenOrders": [], "TotalOrders": 2, "NextSearchToken": token}


MIDDAY = json.dumps({"until": "2026-10-01T12:00:00Z", "changes_from": "2026-10-01T12:00:00Z"})
UNTIL = json.dumps({"until": "2026-10-01T00:00:00Z", "changes_from": "2026-10-01T00:00:00Z"})


def test_the_newer_list_ends_at_a_page_without_rows_whatever_its_token():
    orders = Orders({})
    orders.changes = iter([changes("a", "b", token="same"), changes(token="same")])
    assert detailed(orders.read("2026-10-01T01:00:00Z", UNTIL, orders="v2")) == ["a", "b"]


def test_a_token_of_the_newer_list_that_comes_again_with_rows_is_an_error():
    orders = Orders({})
    orders.changes = iter([changes("a", token=token) for token in ("x", "y", "x")])
    with pytest.raises(SourceError, match="NextSearchToken 'x' came before"):
        orders.read("2026-10-01T01:00:00Z", UNTIL, orders="v2")


def test_details_of_an_order_that_is_listed_late_come_with_the_newer_list():
    orders = Orders({"late": "2026-10-01T11:59:58Z"})
    orders.hidden = {"late"}
    first = orders.read("2026-10-01T12:00:00Z", orders="v2")
    orders.hidden = set()
    items = orders.read("2026-10-01T13:00:00Z", last_checkpoint(first), orders="v2")
    assert (listed(items), detailed(items)) == (["late"], ["late"])


def test_an_order_that_is_listed_late_is_read_without_a_look_back_too():
    orders = Orders({"late": "2026-10-01T11:59:58Z"})
    items = orders.read("2026-10-01T13:00:00Z", MIDDAY, lookback_days=0)
    assert (listed(items), detailed(items)) == (["late"], ["late"])


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("ahead", ["2026-10-01T13:00:00Z", "2027-10-01T00:00:00Z"])
def test_a_clock_that_was_ahead_loses_no_orders(version, ahead, caplog):
    orders = Orders({})
    resume = last_checkpoint(orders.read(ahead, orders=version))
    orders.processed = {"meanwhile": "2026-10-01T12:10:00Z"}
    items = orders.read("2026-10-01T12:30:00Z", resume, orders=version)
    assert set(listed(items)) == set(detailed(items)) == {"meanwhile"}
    assert json.loads(last_checkpoint(items))["until"] == "2026-10-01T12:30:00Z"
    assert f"reached {ahead}, which is in the future" in caplog.text


@pytest.mark.parametrize("name", ["orders", "returns"])
def test_nothing_is_read_up_to_a_time_that_has_not_come_at_linnworks(shop, name):
    items = shop.items(name, UNTIL, now=datetime(2100, 1, 1, tzinfo=UTC), orders="v2")
    reached = json.loads(last_checkpoint(items))["until"]
    assert datetime.fromisoformat(reached) <= datetime.now(UTC)


def test_changes_that_do_not_come_whole_are_an_error(shop):
    until = json.dumps({"until": "2026-10-01T00:00:00Z", "changes_from": "2026-09-01T00:00:00Z"})
    said = {"OpenOrders": [], "ProcessedOrders": [], "TotalOrders": 5, "NextSearchToken": None}
    shop.let("fail", method="v2/orders", status=200, body=json.dumps(said))
    with pytest.raises(SourceError, match="5 orders were changed and gave 0"):
        shop.items("orders", until, orders="v2")


def test_the_newer_list_is_read_along_all_its_pages(tmp_path):
    with account(tmp_path / "data", 900) as shop:
        until = json.dumps(
            {"until": "2026-10-01T00:00:00Z", "changes_from": "2024-10-01T00:00:00Z"}
        )
        items = shop.items("orders", until, orders="v2")
        assert len(set(detailed(items))) == 900
        assert shop.calls()["v2/orders"] == 5


# -- being interrupted -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 40, 75])
def test_a_fetch_that_is_killed_goes_on_where_it_was(shop, tmp_path, count):
    driver = subprocess.run(
        [
            *(sys.executable, "-m", "tests.linnworks_account"),
            *(shop.url, str(tmp_path / "data"), "orders", str(count)),
        ],
        cwd=Path(__file__).parent.parent,
        check=False,
    )
    assert driver.returncode == -signal.SIGKILL
    shop.fetch("orders", page_size=20)
    shop.load("processed_orders", "processed_order_details", "processed_order_items")
    whole = Account(shop.url, tmp_path / "whole", shop.clock)
    whole.fetch("orders", page_size=20)
    whole.load("processed_orders", "processed_order_details", "processed_order_items")
    for name in ("processed_orders", "processed_order_details", "processed_order_items"):
        columns = ", ".join(duck.identifier(c.name) for c in CONTRACTS[name].columns)
        asked = f"select {columns} from {{{name}}} order by all"
        assert shop.query(asked) == whole.query(asked)


def test_a_fetch_goes_on_from_each_of_its_checkpoints(shop):
    items = shop.items("orders", lookback_days=0)
    everything = set(detailed(items))
    points = [place for place, item in enumerate(items) if isinstance(item, Checkpoint)]
    for place in points[::6]:
        rest = shop.items("orders", items[place].resume, lookback_days=0)
        assert set(detailed(items[: place + 1])) | set(detailed(rest)) == everything


def test_looking_back_does_not_take_the_checkpoint_back(shop):
    done = json.dumps({"until": "2026-09-15T00:00:00Z", "changes_from": "2026-09-15T00:00:00Z"})
    items = shop.items("orders", done, lookback_days=60)
    points = [i for i in items if isinstance(i, Checkpoint)]
    reached = [json.loads(point.resume)["until"] for point in points]
    assert reached == ["2026-09-15T00:00:00Z", "2026-09-15T00:00:00Z", "2026-10-01T00:00:00Z"]


# -- settings and secrets --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"token": None}, "token"),
        ({"start": None}, "start"),
        ({"orders": "v3"}, "orders"),
        ({"page_size": 10}, "page_size"),
        ({"lookback_days": -1}, "lookback_days"),
    ],
)
def test_a_wrong_entry_is_refused_by_name_without_its_values(changes, named):
    options = {k: v for k, v in {**OPTIONS, **changes}.items() if v is not None}
    with pytest.raises(SettingsError, match=named) as caught:
        LinnworksFetcher("linnworks://api.linnworks.net", options)
    assert SHOWN.application_secret not in str(caught.value)


def test_placeholders_are_no_obstacle_to_naming_the_fetches():
    options = {**OPTIONS, "token": "${TOKEN}"}
    fetches = LinnworksFetcher("linnworks+http://{sandbox_linnworks}", options).fetches()
    streams = [stream for fetch in fetches.values() for stream in fetch.streams]
    assert len(streams) == len(set(streams))
    assert {c.source_table.partition(":")[0] for c in CONTRACTS.values()} == set(streams)


@pytest.mark.parametrize("address", ["linnworks://", "linnworks://host/path", "https://host"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(SettingsError, match="linnworks://host"):
        list(LinnworksFetcher(address, OPTIONS).fetch("suppliers", None))


def test_wrong_credentials_are_told_without_showing_them(shop):
    wrong = "44444444-4444-4444-4444-444444444444"
    with pytest.raises(SourceError, match="is not valid") as caught:
        shop.items("suppliers", application_secret=wrong)
    assert wrong not in str(caught.value)
    assert SHOWN.token not in str(caught.value)


def test_a_secret_in_a_refusal_is_not_repeated(shop):
    session = guid("session", 1)
    shop.let("fail", method=SEARCH, status=403, body=f"no {SHOWN.token} {session}")
    with pytest.raises(SourceError, match=r"403 Forbidden: no \*\*\* \*\*\*") as caught:
        shop.items("orders")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("state", ["MAINTENANCE", "LOCKED_FULL"])
def test_an_account_that_is_not_available_is_told(shop, state):
    session = {"Token": "t", "Server": shop.url, "Locality": "EU", "Status": {"State": state}}
    shop.let("fail", method=LOGIN, status=200, body=json.dumps(session))
    with pytest.raises(SourceError, match=state):
        shop.items("suppliers")


def test_a_server_that_is_not_of_linnworks_is_not_asked(shop):
    session = {"Token": "t", "Server": "https://linnworks.net.example.com", "Locality": "EU"}
    shop.let("fail", method=LOGIN, status=200, body=json.dumps(session))
    with pytest.raises(SourceError, match=r"linnworks\.net\.example\.com"):
        shop.items("suppliers")


def test_no_secret_is_in_the_lake(loaded):
    shop, _ = loaded
    logins = shop.calls()[LOGIN]
    secrets = {SHOWN.application_secret, SHOWN.token, "never-keep-this"}
    secrets |= {guid("session", number) for number in range(1, logins + 1)}
    root = shop.settings.lake_dir
    files = [p for p in root.rglob("*") if p.is_file()]
    assert any("fetches" in p.parts for p in files)
    kept = [p.read_text() for p in files if p.suffix == ".json"]
    with duck.connect(shop.settings) as con:
        for path in files:
            if path.suffix == ".parquet":
                rows = con.sql(f"select * from read_parquet({duck.literal(str(path))})")
                kept += [str(row) for row in rows.fetchall()]
    everything = "\n".join(kept)
    assert [secret for secret in secrets if secret in everything] == []


def test_no_secret_is_in_the_log(shop, caplog):
    caplog.set_level("DEBUG")
    shop.let("fail", method=DETAILS, status=503, body=f"{SHOWN.token}")
    shop.items("orders")
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("inventory_platform")]
    assert ours
    secrets = (SHOWN.application_secret, SHOWN.token, guid("session", 1), "never-keep-this")
    assert not [s for s in secrets if s in "\n".join(ours)]
