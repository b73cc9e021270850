"""Generate the sandbox's drop folder: the files people and programs send the shop.

Here belong the files and what is wrong with them. Orders come from a wholesale program that
writes as spreadsheets do in much of Europe, stock counts from a workbook per warehouse, prices
of suppliers from purchasing, and what visitors did from the web shop. Warehouses count what the
inventory database has in its books; the rest is drawn anew from the catalogue. All of it is the
same on any day.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import xlsxwriter

from inventory_platform.sandbox.book import Book, stock_book
from inventory_platform.sandbox.codes import sku
from inventory_platform.sandbox.differences import BY_PRODUCT
from inventory_platform.sandbox.period import FIRST_DAY, LAST_COUNT, LAST_DAY
from inventory_platform.sandbox.reference import (
    SEEDS,
    USUAL_ROWS,
    USUAL_SEED,
    Dice,
    Reference,
    load_reference,
)

__all__ = ["FileDirt", "GeneratedFiles", "generate"]

ORDER_DAYS = 14
COUNT_WEEKS = 4
ACTIVITY_DAYS = 14
PRICE_DAYS = 92
ORDER_HEADER = (
    "OrderNo", "Line", "OrderDate", "Customer", "City", "SKU", "Product", "Quantity",
    "UnitPrice", "Total",
)  # fmt: skip
COUNT_HEADER = ("Warehouse", "SKU", "Product", "Counted on", "On hand", "Reserved", "Bin")
HISTORY_HEADER = ("SKU", "Supplier", "ValidFrom", "UnitCost", "LeadDays", "MinimumOrder")

_PROGRESS = ("view", "search", "view", "cart", "checkout", "purchase")
_SHOPS = (
    ("Café Müller", "Vienna"),
    ("Kaufhaus Größmann", "Leipzig"),
    ("Épicerie Noël", "Lille"),
    ("Señor Hogar", "Granada"),
    ("Brødrene Holm", "Aarhus"),
)
_SIGN_IN = (
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n"
    "<body><h1>Your session has ended</h1></body></html>\n"
)


@dataclass(frozen=True)
class FileDirt:
    """Something that is wrong in the folder.

    Attributes:
        file: Name of the file.
        position: Row or line in it; None for the file as a whole.
        kind: What is wrong.
        expected: `quarantined:<reason code>`, `deduplicated`, `warned` or `left out`.
        note: The defect in words.
    """

    file: str
    position: int | None
    kind: str
    expected: str
    note: str


@dataclass(frozen=True)
class GeneratedFiles:
    """What was written.

    Attributes:
        rows: File → rows of data in it, broken ones included; 0 for what is no file of data.
        dirt: Everything that is wrong.
    """

    rows: Mapping[str, int]
    dirt: Sequence[FileDirt]


@dataclass
class _Folder:
    """The folder while it is filled."""

    path: Path
    dice: Dice
    reference: Reference
    rows: dict[str, int] = field(default_factory=dict)
    dirt: list[FileDirt] = field(default_factory=list)

    def put(self, name: str, day: date, rows: int, content: bytes) -> None:
        """Write a file that was last changed in the evening of a day."""
        # Under a name that is hidden until all of it is there.
        aside = self.path / f".{name}.part"
        aside.write_bytes(content)
        evening = datetime(day.year, day.month, day.day, 20, tzinfo=UTC).timestamp()
        os.utime(aside, (evening, evening))
        aside.replace(self.path / name)
        self.rows[name] = rows

    def plant(self, file: str, position: int | None, kind: str, expected: str, note: str) -> None:
        self.dirt.append(FileDirt(file, position, kind, expected, note))


def generate(folder: Path, seed: int = USUAL_SEED) -> GeneratedFiles:
    """Fill a folder.

    Args:
        folder: The folder; files of the same names are replaced, others stay.
        seed: The same seed gives the same files.

    Returns:
        The files, and what is wrong with them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drop = _Folder(folder, Dice(seed), load_reference(SEEDS, USUAL_ROWS))
    _write_orders(drop)
    _write_counts(drop, stock_book(seed=seed))
    _write_history(drop)
    _write_activity(drop)
    return GeneratedFiles(drop.rows, tuple(drop.dirt))


# -- orders --------------------------------------------------------------------------------


def _write_orders(drop: _Folder) -> None:
    number = 70_001
    last_line: list[str] = []
    for back in range(ORDER_DAYS - 1, -1, -1):
        day = LAST_DAY - timedelta(days=back)
        name = f"orders_{day.isoformat()}.csv"
        chance = drop.dice.stream(f"files/{name}")
        lines: list[list[str]] = []
        for _ in range(chance.randrange(1, 4)):
            lines += _order(drop.reference, number, day, chance)
            number += 1
        change = _ORDER_DIRT.get(back)
        if change:
            change(drop, name, lines, last_line)
        last_line = lines[0]
        content = _separated([list(ORDER_HEADER), *lines])
        drop.put(name, day, len(lines), content)
    again = f"orders_{LAST_DAY - timedelta(days=9)}.csv"
    resent = again.replace(".csv", "_resent.csv")
    drop.put(resent, LAST_DAY, drop.rows[again], (drop.path / again).read_bytes())
    drop.plant(resent, None, "resent_file", "left out", f"the content of {again} again")
    hostile = f"orders_{LAST_DAY}_export.csv"
    drop.put(hostile, LAST_DAY, 0, _SIGN_IN.encode())
    drop.plant(hostile, None, "web_page", "quarantined:rejected_file", "a sign-in page, not a CSV")


def _separated(lines: Sequence[Sequence[str]]) -> bytes:
    return "".join(";".join(line) + "\r\n" for line in lines).encode("cp1252")


def _order(reference: Reference, number: int, day: date, chance: Random) -> Iterator[list[str]]:
    customer, city = chance.choice(_SHOPS)
    chosen = chance.sample(range(reference.products.height), chance.randrange(1, 5))
    for line, index in enumerate(chosen, start=1):
        product = reference.products.row(index, named=True)
        quantity = chance.choice((1, 1, 2, 2, 3))
        # Wholesale pays four fifths of the shelf price.
        price = product["price"] * 4 // 5
        yield [
            f"W-{number}", str(line), day.strftime("%d/%m/%Y"), customer, city, sku(index + 1),
            product["name"], str(quantity), _comma(price), _comma(price * quantity),
        ]  # fmt: skip


def _comma(cents: int) -> str:
    """Money as written with a decimal comma.

    >>> _comma(123450)
    '1.234,50'
    """
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}"


def _impossible_date(drop: _Folder, name: str, lines: list[list[str]], before: list[str]) -> None:
    del before
    lines[0][2] = "31/09/2026"
    drop.plant(name, 2, "impossible_date", "quarantined:not_a_date", "OrderDate is 31/09/2026")


def _text_in_number(drop: _Folder, name: str, lines: list[list[str]], before: list[str]) -> None:
    del before
    lines[-1][7] = "zwölf"
    note = "Quantity is 'zwölf'"
    drop.plant(name, len(lines) + 1, "text_in_number", "quarantined:not_a_number", note)


def _cut_row(drop: _Folder, name: str, lines: list[list[str]], before: list[str]) -> None:
    del before
    lines[-1] = lines[-1][:5]
    note = "the last line ends after the fifth field"
    drop.plant(name, len(lines) + 1, "cut_row", "quarantined:malformed_row", note)


def _repeated_line(drop: _Folder, name: str, lines: list[list[str]], before: list[str]) -> None:
    lines.append(before)
    note = "the first line of the day before again"
    drop.plant(name, len(lines) + 1, "exact_duplicate", "deduplicated", note)


# Days before the last → what is wrong with that day's file.
_ORDER_DIRT: dict[int, Callable[[_Folder, str, list[list[str]], list[str]], None]] = {
    11: _impossible_date,
    7: _text_in_number,
    4: _cut_row,
    2: _repeated_line,
}


# -- stock counts --------------------------------------------------------------------------


def _write_counts(drop: _Folder, book: Book) -> None:
    for place, location in enumerate(drop.reference.locations.rows(named=True)):
        code = location["LocationCode"]
        chance = drop.dice.stream(f"files/inventory/{code}")
        for back in range(COUNT_WEEKS - 1, -1, -1):
            day = LAST_COUNT - timedelta(weeks=back)
            year, number, _ = day.isocalendar()
            name = f"inventory_{code.lower()}_{year}-W{number:02d}.xlsx"
            rows = list(_counts(drop.reference, code, day, book.closing(day), chance))
            if day == LAST_COUNT and place in _COUNT_DIRT:
                value, kind, expected, note = _COUNT_DIRT[place]
                rows[_DIRTY_COUNT][4] = value
                drop.plant(name, _DIRTY_COUNT + 4, kind, expected, note)
            title = f"{location['Location']}: inventory, week {year}-W{number:02d}"
            drop.put(name, day, len(rows), _workbook(title, day, rows))


_DIRTY_COUNT = 6
"""A product that lies in neither of the two warehouses: nothing is missing without its count."""
_COUNT_DIRT: dict[int, tuple[object, str, str, str]] = {
    0: ("ca. 40", "text_in_number", "quarantined:not_a_number", "On hand is 'ca. 40'"),
    1: (-3, "negative_quantity", "quarantined:out_of_range", "On hand is -3"),
}


def _counts(
    reference: Reference, code: str, day: date, stock: Sequence[int], chance: Random
) -> Iterator[list[Any]]:
    """Count a warehouse in the evening: what lies there as the book says, and none of the rest."""
    homes = reference.homes["LocationCode"]
    for index, product in enumerate(reference.products.rows(named=True)):
        on_hand = stock[index] if homes[index] == code else 0
        planted = BY_PRODUCT.get(index + 1)
        if planted and planted.location == code and day == LAST_COUNT:
            on_hand = max(0, on_hand + planted.counted)
        reserved = min(on_hand, chance.randrange(0, 6))
        shelf = f"{code}-{index % 12 + 1:02d}-{index // 12 + 1:02d}"
        yield [code, sku(index + 1), product["name"], day, on_hand, reserved, shelf]


def _workbook(title: str, day: date, rows: Sequence[Sequence[Any]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        # Otherwise the moment of writing would be in the file.
        book.set_properties({"created": datetime(day.year, day.month, day.day)})  # noqa: DTZ001
        bold = book.add_format({"bold": True})
        dated = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet = book.add_worksheet("Inventory")
        sheet.write(0, 0, title, bold)
        sheet.write_row(2, 0, COUNT_HEADER, bold)
        for number, row in enumerate(rows, start=3):
            for place, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(number, place, value, dated)
                else:
                    sheet.write(number, place, value)
    return buffer.getvalue()


# -- suppliers -----------------------------------------------------------------------------


def _write_history(drop: _Folder) -> None:
    chance = drop.dice.stream("files/supplier_history")
    lines = []
    suppliers = drop.reference.suppliers.rows(named=True)
    for index, product in enumerate(drop.reference.products.rows(named=True)):
        supplier = suppliers[product["supplier"]]
        # Prices have risen towards what the catalogue says now.
        days = range((LAST_DAY - FIRST_DAY).days // PRICE_DAYS, -1, -1)
        for age in days:
            valid = LAST_DAY - timedelta(days=PRICE_DAYS * age + PRICE_DAYS // 2)
            cost = round(product["cost"] * (1 - 0.01 * age) * chance.uniform(0.99, 1.01))
            lead = max(1, supplier["LeadDays"] + chance.randrange(-1, supplier["LeadSpread"] + 1))
            lines.append(
                [
                    sku(index + 1),
                    supplier["SupplierName"],
                    valid.isoformat(),
                    f"{cost / 100:.2f}",
                    str(lead),
                    str(chance.choice((1, 6, 12, 24))),
                ]
            )
    name = "supplier_history.csv"
    bad_cost, bad_lead = [*lines[40][:3], "-1.00", *lines[40][4:]], list(lines[90])
    bad_cost[2], bad_lead[2], bad_lead[4] = "2024-01-01", "2024-01-01", "soon"
    lines.insert(40, bad_cost)
    lines.insert(90, bad_lead)
    drop.plant(name, 42, "negative_price", "quarantined:out_of_range", "UnitCost is -1.00")
    drop.plant(name, 92, "text_in_number", "quarantined:not_a_number", "LeadDays is 'soon'")
    text = "".join(
        ",".join(f'"{cell}"' if "," in cell else cell for cell in line) + "\n"
        for line in [HISTORY_HEADER, *lines]
    )
    drop.put(name, LAST_DAY, len(lines), text.encode())


# -- visitors ------------------------------------------------------------------------------


def _write_activity(drop: _Folder) -> None:
    session = 500_001
    for back in range(ACTIVITY_DAYS - 1, -1, -1):
        day = LAST_DAY - timedelta(days=back)
        name = f"user_activity_{day.isoformat()}.jsonl.gz"
        chance = drop.dice.stream(f"files/{name}")
        lines: list[str] = []
        for _ in range(chance.randrange(30, 50)):
            lines += [json.dumps(e) for e in _session(drop.reference, session, day, chance)]
            session += 1
        if back == 6:
            lines[10] = lines[10][: len(lines[10]) // 2]
            note = "the line ends in the middle"
            drop.plant(name, 11, "cut_line", "quarantined:malformed_row", note)
        if back == 3:
            lines[3] = json.dumps(json.loads(lines[3]) | {"event": "teleport"})
            drop.plant(name, 4, "unknown_value", "quarantined:not_allowed", "event is 'teleport'")
        if back == 0:
            lines[7] = json.dumps(json.loads(lines[7]) | {"experiment": "B"})
            drop.plant(name, 8, "new_column", "warned", "a name that was not there before")
        content = "".join(line + "\n" for line in lines).encode()
        drop.put(name, day, len(lines), gzip.compress(content, mtime=0))


def _session(
    reference: Reference, session: int, day: date, chance: Random
) -> Iterator[dict[str, Any]]:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        seconds=chance.randrange(6 * 3600, 23 * 3600)
    )
    index = chance.randrange(reference.products.height)
    product = reference.products.row(index, named=True)
    visitor, device = (
        chance.randrange(1, 400),
        chance.choice(("phone", "phone", "desktop", "tablet")),
    )
    for step, event in enumerate(_PROGRESS[: chance.choice((1, 1, 2, 3, 3, 4, 5, 6))]):
        happened: dict[str, Any] = {
            "event_id": f"{session}-{step + 1}",
            "session_id": session,
            "visitor_id": f"V{visitor:05d}",
            "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "event": event,
            "device": device,
        }
        if event == "search":
            happened["query"] = product["name"].split()[0].lower()
        else:
            happened["sku"] = sku(index + 1)
        if event == "purchase":
            happened["value"] = product["price"] / 100
        yield happened
        at += timedelta(seconds=chance.randrange(5, 180))
