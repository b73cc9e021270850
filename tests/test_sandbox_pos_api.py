"""The sandbox's tills: deterministic, complete, and as strict as a real API."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise

import httpx
import pytest

from inventory_platform.sandbox.pos_api import (
    CLIENT_ID,
    CLIENT_SECRET,
    FLAWS,
    Tills,
    create_app,
)
from inventory_platform.sandbox.serving import served

SOUND = 200


@pytest.fixture(scope="module")
def tills():
    return Tills(SOUND)


@pytest.fixture
def api():
    """The API with a valid token."""
    with served(create_app(SOUND)) as url, httpx.Client(base_url=url) as client:
        client.headers["authorization"] = f"Bearer {token(client).json()['access_token']}"
        yield client


def token(client, user=CLIENT_ID, password=CLIENT_SECRET, grant="client_credentials"):
    return client.post("/oauth/token", auth=(user, password), data={"grant_type": grant})


def walk(api, **params):
    """All receipts, by cursor."""
    found = []
    while True:
        answer = api.get("/v1/receipts", params=params).json()
        found += answer["receipts"]
        if not answer["meta"]["next_cursor"]:
            return found
        params["cursor"] = answer["meta"]["next_cursor"]


def sound(receipts):
    return [r for r in receipts if not r["receipt_id"].startswith("R-9")]


def test_the_same_is_recorded_on_any_day(tills):
    again = Tills(SOUND)
    assert (tills.receipts, tills.stores, tills.counts) == (
        again.receipts,
        again.stores,
        again.counts,
    )


def test_receipts_add_up(tills):
    receipts = sound(tills.receipts)
    assert len(receipts) == SOUND
    for receipt in receipts:
        total = Decimal(receipt["total"])
        lines = (
            line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"])
            for line in receipt["lines"]
        )
        assert sum(lines) == total
        assert sum(Decimal(payment["amount"]) for payment in receipt["payments"]) == total
        assert (total < 0) == (receipt["status"] == "returned")
    kinds = Counter(receipt["status"] for receipt in receipts)
    assert set(kinds) == {"completed", "voided", "returned"}
    assert max(len(receipt["lines"]) for receipt in receipts) == 5
    assert max(len(receipt["payments"]) for receipt in receipts) == 2


def test_receipts_are_in_order_of_their_last_change(tills):
    stamps = [receipt["updated_at"] for receipt in tills.receipts]
    assert all(one <= other for one, other in pairwise(stamps))
    assert stamps[0] >= "2024-10-01"
    assert stamps[-1] < "2026-10-01"


def test_every_flaw_is_where_it_is_said_to_be(tills):
    keys = Counter(receipt["receipt_id"] for receipt in tills.receipts)
    keys.update(count["count_id"] for count in tills.counts)
    for flaw in FLAWS:
        assert keys[flaw.key[0]] == (2 if flaw.expected == "deduplicated" else 1), flaw
    one, other = [r for r in tills.receipts if r["receipt_id"] == "R-9000005"]
    assert one == other
    flawed = {key for key in keys if key[2:].startswith("9")}
    assert flawed == {flaw.key[0] for flaw in FLAWS}


def test_nothing_is_answered_without_a_token():
    with served(create_app(SOUND)) as url, httpx.Client(base_url=url) as client:
        assert token(client, password="wrong").status_code == 401
        assert token(client, grant="password").status_code == 400
        assert client.get("/v1/stores").status_code == 401
        given = token(client).json()["access_token"]
        headers = {"authorization": f"Bearer {given}"}
        assert client.get("/v1/stores", headers=headers).status_code == 200
        client.post("/control/revoke")
        assert client.get("/v1/stores", headers=headers).status_code == 401


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_cursors_lead_through_all_receipts_once(api, tills, limit):
    assert walk(api, limit=limit) == tills.receipts


def test_receipts_are_found_by_their_last_change(api, tills):
    since = tills.receipts[120]["updated_at"]
    expected = [r for r in tills.receipts if r["updated_at"] >= since]
    assert walk(api, updated_since=since, limit=30) == expected
    meta = api.get("/v1/receipts", params={"updated_since": since}).json()["meta"]
    assert meta["total"] == len(expected)


def test_a_cursor_goes_on_where_it_stood_after_a_receipt_has_moved(api, tills):
    first = api.get("/v1/receipts", params={"limit": 50}).json()
    read = first["receipts"][10]["receipt_id"]
    assert api.post("/control/void", params={"receipt": read}).status_code == 200
    rest = walk(api, limit=50, cursor=first["meta"]["next_cursor"])
    ids = [r["receipt_id"] for r in rest]
    assert ids[:-1] == [r["receipt_id"] for r in tills.receipts[50:]]
    assert (ids[-1], rest[-1]["status"]) == (read, "voided")
    assert rest[-1]["updated_at"] > "2026-10-01"


@pytest.mark.parametrize("params", [{"cursor": "x"}, {"cursor": "e30="}, {"limit": "-1"}])
def test_what_makes_no_sense_is_refused(api, params):
    assert api.get("/v1/receipts", params=params).status_code == 400


def test_stores_come_by_page(api, tills):
    pages = [api.get("/v1/stores", params={"page": n}).json() for n in (1, 2, 3, 4)]
    assert [len(page["stores"]) for page in pages] == [5, 5, 2, 0]
    assert [store for page in pages for store in page["stores"]] == tills.stores
    assert pages[0]["total"] == 12


def test_stock_counts_come_by_offset_and_may_move_while_they_are_read(api, tills):
    def page(offset):
        return api.get("/v1/stock-counts", params={"offset": offset, "limit": 3}).json()

    assert page(0)["counts"] + page(3)["counts"] == tills.counts[:6]
    assert page(0)["total"] == 12 * 60 * 4 + 1
    api.post("/control/shift", params={"rows": 2})
    assert page(0)["counts"] == tills.counts[:3]
    assert page(3)["counts"] == tills.counts[5:8], "two have slipped past"
