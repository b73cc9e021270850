"""The tills' API: receipts with their lines and payments, stores, and stock counts.

It knows products by SKU, hands out tokens, and pages each list in another way. What it answers
is the same on any day; the endpoints below `/control` change that for tests:

* `POST /control/void?receipt=R-0000007` voids a receipt now, so that it counts as updated.
* `POST /control/shift?rows=2` removes that many stock counts from the front after each page.
* `POST /control/revoke` makes every token given so far worthless.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

import polars as pl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inventory_platform.sandbox.codes import sku
from inventory_platform.sandbox.period import DAY, END, HOUR, LAST_DAY, START
from inventory_platform.sandbox.reference import SEEDS, Dice, Reference, load_reference

CLIENT_ID = "inventory"
CLIENT_SECRET = "sandbox"

STORES = 12
COUNT_DAYS = 4
"""Stock is counted at the end of each of the last so many quarters."""

_TOKEN_SECONDS = 3_600
_RECEIPT_PAGES = (100, 500)
_STORE_PAGES = (5, 50)
_COUNT_PAGES = (100, 1_000)
"""Records of a page where the size is left open, and at most."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Flaw:
    """One planted defect.

    Attributes:
        table: The table of the contract it shows in.
        key: Where: receipt, store or count, and the number of the line or payment.
        expected: "quarantined:<reason code>", "deduplicated" or "warned".
        note: The defect in words.
    """

    table: str
    key: tuple[str, ...]
    expected: str
    note: str


FLAWS: tuple[Flaw, ...] = (
    Flaw("receipts", ("R-9000001",), "quarantined:not_a_timestamp", "sold on 30 February"),
    Flaw("receipts", ("R-9000002",), "quarantined:not_a_number", "a total of 'n/a'"),
    Flaw("receipts", ("R-9000003",), "quarantined:missing_value", "without a store"),
    Flaw("receipts", ("R-9000004",), "warned", "a status nobody has heard of"),
    Flaw("receipts", ("R-9000005",), "deduplicated", "listed twice, on one page or two"),
    Flaw("receipt_lines", ("R-9000005", "1"), "deduplicated", "of the receipt listed twice"),
    Flaw("receipt_payments", ("R-9000005", "1"), "deduplicated", "of the receipt listed twice"),
    Flaw("receipt_lines", ("R-9000006", "1"), "quarantined:not_a_number", "a quantity of 'two'"),
    Flaw("receipt_lines", ("R-9000007", "1"), "quarantined:missing_value", "without a SKU"),
    Flaw("receipt_payments", ("R-9000008", "1"), "warned", "paid with shells"),
    Flaw("stock_counts", ("C-9000001",), "quarantined:not_an_integer", "a quantity of 2.5"),
)
_DIRTY_RECEIPTS: tuple[tuple[str, Row, Row, Row], ...] = (
    ("R-9000001", {"sold_at": "2026-02-30T10:15:00Z"}, {}, {}),
    ("R-9000002", {"total": "n/a"}, {}, {}),
    ("R-9000003", {"store_code": None}, {}, {}),
    ("R-9000004", {"status": "parked"}, {}, {}),
    ("R-9000005", {}, {}, {}),
    ("R-9000005", {}, {}, {}),
    ("R-9000006", {}, {"quantity": "two"}, {}),
    ("R-9000007", {}, {"sku": None}, {}),
    ("R-9000008", {}, {}, {"method": "shells"}),
)
"""Receipt, and what is changed in it, in its line and in its payment."""


class Tills:
    """What the tills have recorded.

    Receipts are in order of their last change; money is text with two decimals.
    """

    def __init__(self, rows: int) -> None:
        reference = load_reference(SEEDS, rows)
        dice = Dice(23)
        self.stores = _stores(reference)
        self.receipts = _receipts(reference, rows, dice)
        self.counts = _counts(reference, dice)
        self.tokens: set[str] = set()
        self.given = 0
        self.removed_per_page = 0

    def void(self, receipt_id: str) -> bool:
        """Void a receipt now; it moves to the end of the list."""
        found = [r for r in self.receipts if r["receipt_id"] == receipt_id]
        if not found:
            return False
        changed = found[-1] | {"status": "voided", "updated_at": _iso(datetime.now(UTC))}
        self.receipts = [r for r in self.receipts if r["receipt_id"] != receipt_id] + [changed]
        return True


# -- what there is -------------------------------------------------------------------------


def _stores(reference: Reference) -> list[Row]:
    cities = reference.cities.head(STORES).rows(named=True)
    return [
        {
            "store_code": _store_code(number),
            "name": f"{city['City']} Store",
            "city": city["City"],
            "country": city["Country"],
            "opened_on": f"{2008 + number}-03-01",
            "is_open": number != STORES - 1,
        }
        for number, city in enumerate(cities)
    ]


def _store_code(number: int) -> str:
    return f"S{number + 1:02d}"


def _receipts(reference: Reference, rows: int, dice: Dice) -> list[Row]:
    drawn = pl.DataFrame(
        [
            dice.between("day", rows, 0, (END - START) // DAY).sort(),
            dice.between("second", rows, 8 * HOUR, 20 * HOUR),
            dice.between("store", rows, 0, STORES),
            dice.between("till", rows, 1, 4),
            dice.pick("cashier", rows, reference.staff),
            dice.pick("status", rows, ["completed"] * 38 + ["voided", "returned"]),
            dice.pick("method", rows, ["card"] * 6 + ["cash"] * 3 + ["voucher"]),
            dice.pick("lines", rows, [1, 1, 1, 2, 2, 3, 5]),
            dice.pick("card", rows, [0, 0, 1]),
        ]
    ).with_columns(when=pl.col("day") * DAY + pl.col("second") + START)
    count = int(drawn["lines"].sum())
    lines = pl.DataFrame(
        [
            dice.between("product", count, 0, reference.products.height),
            dice.pick("quantity", count, [1, 1, 1, 1, 2, 2, 3]),
            dice.pick("percent", count, [0] * 9 + [10]),
        ]
    ).rows(named=True)
    prices, names = reference.products["price"], reference.products["name"]
    receipts, taken = [], 0
    for number, row in enumerate(drawn.sort("when").rows(named=True), start=1):
        sold = lines[taken : taken + row["lines"]]
        taken += row["lines"]
        sign = -1 if row["status"] == "returned" else 1
        receipts.append(_receipt(f"R-{number:07d}", row, sold, prices, names, sign))
    plain = [r for r in receipts if len(r["lines"]) == len(r["payments"]) == 1]
    dirty = [
        _spoilt(plain[int(receipt_id[-2:]) % len(plain)], receipt_id, *changes)
        for receipt_id, *changes in _DIRTY_RECEIPTS
    ]
    return sorted(receipts + dirty, key=_place)


def _receipt(
    receipt_id: str, row: Row, sold: list[Row], prices: pl.Series, names: pl.Series, sign: int
) -> Row:
    when = datetime.fromtimestamp(row["when"], UTC)
    changed = when + timedelta(minutes=1 if row["status"] == "completed" else 90)
    lines, total = [], 0
    for line in sold:
        gross = prices[line["product"]] * line["quantity"] * sign
        discount = round(gross * line["percent"] / 100)
        total += gross - discount
        lines.append(
            {
                "sku": sku(line["product"] + 1),
                "description": names[line["product"]],
                "quantity": line["quantity"] * sign,
                "unit_price": _money(prices[line["product"]]),
                "discount": _money(discount),
                "tax_rate": 0.19,
            }
        )
    # Whoever has a voucher pays half with it.
    voucher = total // 2 if row["method"] == "voucher" else 0
    paid = (
        [("voucher", voucher), ("card", total - voucher)] if voucher else [(row["method"], total)]
    )
    return {
        "receipt_id": receipt_id,
        "store_code": _store_code(row["store"]),
        "till": row["till"],
        "cashier": row["cashier"],
        "loyalty_card": f"L{row['when'] % 100_000:05d}" if row["card"] else None,
        "sold_at": _iso(when),
        "updated_at": _iso(changed),
        "status": row["status"],
        "currency": "EUR",
        "total": _money(total),
        "lines": lines,
        "payments": [{"method": method, "amount": _money(cents)} for method, cents in paid],
    }


def _spoilt(receipt: Row, receipt_id: str, change: Row, line: Row, payment: Row) -> Row:
    """A copy of a receipt with one line and one payment, so that the flaw is all that is wrong."""
    lines = [{**receipt["lines"][0], **line}]
    payments = [{**receipt["payments"][0], **payment}]
    return {**receipt, "receipt_id": receipt_id, **change, "lines": lines, "payments": payments}


def _counts(reference: Reference, dice: Dice) -> list[Row]:
    """Every product in every store, at the end of each of the last quarters."""
    products = min(reference.products.height, 60)
    quantities = iter(dice.between("counted", STORES * products * COUNT_DAYS, 0, 90))
    counts: list[Row] = []
    for back in range(COUNT_DAYS - 1, -1, -1):
        day = LAST_DAY - timedelta(days=91 * back)
        for store in range(STORES):
            counts += [
                {
                    "count_id": f"C-{len(counts) + product + 1:07d}",
                    "store_code": _store_code(store),
                    "sku": sku(product + 1),
                    "counted_on": day.isoformat(),
                    "quantity": next(quantities),
                }
                for product in range(products)
            ]
    return [*counts, {**counts[-1], "count_id": "C-9000001", "quantity": 2.5}]


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _place(receipt: Row) -> tuple[str, str]:
    """Where a receipt stands in the list."""
    return receipt["updated_at"], receipt["receipt_id"]


# -- what is answered ----------------------------------------------------------------------


def create_app(rows: int = 1_000) -> Starlette:
    """Make the tills' API.

    Args:
        rows: Clean receipts; the flawed ones come on top.
    """
    tills = Tills(rows)

    def guarded(path: str, answer: Any) -> Route:
        async def endpoint(request: Request) -> Response:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in tills.tokens:
                return _refusal(401, "unauthorized", "The token is missing or has expired.")
            try:
                return JSONResponse(answer(request))
            except ValueError as error:
                return _refusal(400, "bad_request", str(error))

        return Route(path, endpoint)

    def receipts(request: Request) -> Row:
        since = request.query_params.get("updated_since", "")
        cursor = request.query_params.get("cursor")
        limit = _number(request, "limit", *_RECEIPT_PAGES)
        first = bisect_left(tills.receipts, (since, ""), key=_place)
        start = _opened(cursor, tills.receipts) if cursor else first
        found = tills.receipts[start : start + limit]
        is_last = start + limit >= len(tills.receipts)
        following = None if is_last else _sealed(start + limit, tills.receipts)
        total = len(tills.receipts) - first
        return {"receipts": found, "meta": {"total": total, "next_cursor": following}}

    def stores(request: Request) -> Row:
        size = _number(request, "per_page", *_STORE_PAGES)
        page = _number(request, "page", 1)
        found = tills.stores[(page - 1) * size : page * size]
        return {"stores": found, "page": page, "total": len(tills.stores)}

    def counts(request: Request) -> Row:
        limit = _number(request, "limit", *_COUNT_PAGES)
        offset = _number(request, "offset", 0)
        found, total = tills.counts[offset : offset + limit], len(tills.counts)
        tills.counts = tills.counts[tills.removed_per_page :]
        return {"counts": found, "total": total}

    async def token(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        if form.get("grant_type") != ["client_credentials"]:
            return _refusal(400, "unsupported_grant_type", "Only client_credentials.")
        if _client(request) != (CLIENT_ID, CLIENT_SECRET):
            return _refusal(401, "invalid_client", "Unknown client or wrong secret.")
        tills.given += 1
        given = f"till-{tills.given}"
        tills.tokens.add(given)
        return JSONResponse(
            {"access_token": given, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS}
        )

    async def void(request: Request) -> Response:
        receipt_id = request.query_params.get("receipt", "")
        if not tills.void(receipt_id):
            return _refusal(404, "not_found", f"There is no receipt {receipt_id!r}.")
        return JSONResponse({"voided": receipt_id})

    async def shift(request: Request) -> Response:
        tills.removed_per_page = _number(request, "rows", 0)
        return JSONResponse({"removed_per_page": tills.removed_per_page})

    async def revoke(_request: Request) -> Response:
        tills.tokens.clear()
        return JSONResponse({"revoked": tills.given})

    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            guarded("/v1/receipts", receipts),
            guarded("/v1/stores", stores),
            guarded("/v1/stock-counts", counts),
            Route("/control/void", void, methods=["POST"]),
            Route("/control/shift", shift, methods=["POST"]),
            Route("/control/revoke", revoke, methods=["POST"]),
        ]
    )


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": code, "message": message}, status_code=status)


def _client(request: Request) -> tuple[str, str] | None:
    """Id and secret of who asks, from HTTP Basic."""
    packed = request.headers.get("authorization", "").removeprefix("Basic ")
    try:
        user, _, password = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote(user), unquote(password)


def _number(request: Request, name: str, default: int, most: int | None = None) -> int:
    given = request.query_params.get(name, str(default))
    if not given.isdecimal():
        raise ValueError(f"{name} is not a number")
    return int(given) if most is None else min(int(given), most)


def _sealed(end: int, listed: list[Row]) -> str:
    """A cursor: the place read last, and how many of the receipts that share it were read."""
    place = _place(listed[end - 1])
    read = end - bisect_left(listed, place, key=_place)
    return base64.urlsafe_b64encode(json.dumps([*place, read]).encode()).decode()


def _opened(cursor: str, listed: list[Row]) -> int:
    """Where a cursor leads to, also after the list has changed."""
    try:
        changed, receipt_id, read = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError):
        raise ValueError("cursor is not one that was given") from None
    return bisect_left(listed, (changed, receipt_id), key=_place) + int(read)
