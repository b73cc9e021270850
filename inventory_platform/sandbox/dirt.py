"""The defects planted into the clean tables, and what a careful reader should do about each.

Here belongs which defects there are and where they go. A defect is always an additional row, made
from a copy of a real one, so that the clean business still adds up when all of them are rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import polars as pl

from inventory_platform.sandbox.reference import Dice

FIRST_DIRTY_ID = 9_000_001
"""Dirty rows are numbered from here on, far above every real id."""

Row = dict[str, object]
Change = Callable[[Row], Row]


@dataclass(frozen=True)
class Dirt:
    """One planted defect.

    Attributes:
        table: The source table.
        kind: What is wrong.
        row_ids: SQLite rowids of the planted rows.
        expected: "quarantined:<reason code>", "deduplicated" or "warned".
        note: The defect in words.
    """

    table: str
    kind: str
    row_ids: tuple[int, ...]
    expected: str
    note: str


@dataclass(frozen=True)
class Plan:
    """One defect to be planted: one row per change."""

    table: str
    kind: str
    expected: str
    note: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Planted:
    """One dirty row, to be written before the clean row at `position`."""

    position: int
    row: Row
    plan: Plan


def _set(**values: object) -> Change:
    return lambda row: row | values


def _raise_amount(row: Row) -> Row:
    return row | {"Amount": round(float(str(row["Amount"])) + 1, 2)}


def _rejected(table: str, kind: str, reason: str, column: str, *values: object) -> Plan:
    shown = " or ".join("NULL" if value is None else repr(value) for value in dict.fromkeys(values))
    changes = tuple(_set(**{column: value}) for value in values)
    return Plan(table, kind, f"quarantined:{reason}", f"{column} is {shown}", changes)


def _copies(table: str, count: int) -> Plan:
    return Plan(
        table,
        "exact_duplicate",
        "deduplicated",
        "a second identical copy; the row listed is the copy",
        (_set(),) * count,
    )


def _conflict(table: str, change: Change, count: int, note: str) -> Plan:
    return Plan(
        table,
        "conflicting_duplicate",
        "quarantined:duplicate_key",
        f"same key and UpdatedAt as a real row further down, {note}",
        (change,) * count,
    )


def _warned(table: str, kind: str, note: str, *changes: Change) -> Plan:
    return Plan(table, kind, "warned", note, changes)


_FUTURE = "2999-12-31 00:00:00"

PLANS: tuple[Plan, ...] = (
    _copies("Products", 2),
    _copies("Customers", 2),
    _copies("SalesTransactions", 4),
    _copies("ECommerceOrders", 3),
    _conflict("Suppliers", _set(PhoneNumber="+00 000 000000"), 1, "other PhoneNumber"),
    _conflict("Payments", _raise_amount, 3, "Amount higher by 1"),
    _rejected("Products", "text_in_number", "not_a_number", "UnitPrice", "abc", "1,5"),
    _rejected(
        "SalesTransactions",
        "text_in_number",
        "not_a_number",
        "QuantitySold",
        "twelve",
        "12 pcs",
        "1,5",
    ),
    _rejected("SalesTransactions", "text_in_number", "not_a_number", "TotalPrice", "abc", "1,5"),
    _rejected("IoTDeviceLogs", "text_in_number", "not_a_number", "Quantity", "abc", "12 pcs"),
    _rejected("StockAdjustments", "text_in_number", "not_a_number", "QuantityAdjusted", "twelve"),
    _rejected(
        "SalesTransactions", "fraction_in_integer", "not_an_integer", "QuantitySold", 2.5, 2.5
    ),
    _rejected(
        "PurchaseOrders",
        "impossible_date",
        "not_a_date",
        "OrderDate",
        "2026-02-30",
        "31/12/2025",
        "0000-00-00",
    ),
    _rejected(
        "SalesTransactions",
        "impossible_date",
        "not_a_timestamp",
        "TransactionDate",
        "yesterday",
        "2026-02-30",
    ),
    _rejected(
        "InventoryLogs",
        "impossible_date",
        "not_a_timestamp",
        "ActionDate",
        "31/12/2025",
        "0000-00-00",
    ),
    _rejected("ECommerceOrders", "future_date", "in_the_future", "UpdatedAt", _FUTURE, _FUTURE),
    _rejected("IoTDeviceLogs", "future_date", "in_the_future", "UpdatedAt", _FUTURE, _FUTURE),
    _rejected("Products", "negative_price", "out_of_range", "UnitPrice", -9.99),
    _rejected("CompetitorData", "negative_price", "out_of_range", "CompetitorPrice", -4.5, -19.9),
    _rejected("Payments", "negative_price", "out_of_range", "Amount", -12.5, -80.25),
    _rejected("SalesTransactions", "negative_quantity", "out_of_range", "QuantitySold", -3, -1),
    _rejected("Products", "missing_required", "missing_value", "ProductName", None),
    _rejected("Customers", "missing_required", "missing_value", "CustomerName", None, None),
    _rejected("SalesTransactions", "missing_required", "missing_value", "ProductID", None, None),
    _rejected("Payments", "missing_required", "missing_value", "OrderID", None, None),
    _rejected(
        "StockAdjustments",
        "unknown_value",
        "not_allowed",
        "AdjustmentType",
        "Sideways",
        "Sideways",
    ),
    _rejected(
        "IoTDeviceLogs",
        "unknown_value",
        "not_allowed",
        "EventType",
        "Stock Sideways",
        "Stock Sideways",
    ),
    _warned(
        "SalesTransactions",
        "orphan",
        "ProductID 8888888 does not exist; no stock moved",
        *(_set(ProductID=8_888_888, QuantitySold=1, TotalPrice=0.01),) * 2,
    ),
    _warned(
        "PurchaseOrders",
        "orphan",
        "SupplierID 777777 does not exist; cancelled, so that nothing was delivered",
        _set(SupplierID=777_777, TotalAmount=0.01, Status="Cancelled", DeliveryDate=None),
    ),
    _warned(
        "ECommerceOrders",
        "orphan",
        "CustomerID 6666666 does not exist; cancelled, so that no stock moved",
        *(_set(CustomerID=6_666_666, QuantityOrdered=1, TotalPrice=0.01, OrderStatus="Cancelled"),)
        * 2,
    ),
    _warned(
        "ECommerceOrders",
        "unknown_status",
        "OrderStatus 'On Hold' is not a known status; the order has not touched the stock yet",
        _set(OrderStatus="On Hold", QuantityOrdered=1, TotalPrice=0.01),
    ),
)


def plant(table: str, clean: pl.DataFrame, dice: Dice) -> list[Planted]:
    """Make the dirty rows of one table and choose their places.

    Args:
        table: The table's name.
        clean: Its clean rows, key first.
        dice: Where chance comes from.

    Returns:
        The dirty rows in the order of their positions.
    """
    chance = dice.stream(f"dirt/{table}")
    changes = [(plan, change) for plan in PLANS if plan.table == table for change in plan.changes]
    originals = chance.sample(range(clean.height), len(changes))
    ids = iter(range(FIRST_DIRTY_ID, FIRST_DIRTY_ID + len(changes)))
    planted = [
        _planted(plan, change, original, clean, ids, chance)
        for (plan, change), original in zip(changes, originals, strict=True)
    ]
    return sorted(planted, key=lambda dirty: dirty.position)


def _planted(
    plan: Plan,
    change: Change,
    original: int,
    clean: pl.DataFrame,
    ids: Iterator[int],
    chance: Random,
) -> Planted:
    row = change(clean.row(original, named=True))
    if plan.kind == "exact_duplicate":
        return Planted(chance.randint(original + 1, clean.height), row, plan)
    if plan.kind == "conflicting_duplicate":
        # Before the real row, so that the real one is read later and wins.
        return Planted(chance.randint(0, original), row, plan)
    numbered = row | {clean.columns[0]: next(ids)}
    return Planted(chance.randint(0, clean.height), numbered, plan)
