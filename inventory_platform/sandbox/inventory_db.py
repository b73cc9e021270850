"""Generate the sandbox inventory database: a SQLite file with two years of an invented shop.

Here belong the schema and the writing of the file. What happened in the shop is simulated in
`business` and put into tables in `tables`; what is wrong with the data is planned in `dirt`.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl
import polars.selectors as cs

from inventory_platform.sandbox.business import simulate
from inventory_platform.sandbox.dirt import PLANS, Dirt, Plan, Planted, plant
from inventory_platform.sandbox.reference import (
    SEEDS,
    USUAL_ROWS,
    USUAL_SEED,
    Dice,
    load_reference,
)
from inventory_platform.sandbox.tables import build_tables

__all__ = ["SCHEMA", "Dirt", "GeneratedDatabase", "generate"]

SMALLEST = 100
CHUNK = 50_000
DATE_FORMAT = "%Y-%m-%d"
TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S"

_MONEY = "DECIMAL(12,2)"

SCHEMA: dict[str, dict[str, str]] = {
    "Products": {
        "ProductID": "INTEGER",
        "ProductName": "TEXT",
        "Category": "TEXT",
        "QuantityAvailable": "INTEGER",
        "UnitPrice": _MONEY,
        "SupplierID": "INTEGER",
        "RestockLevel": "INTEGER",
    },
    "Suppliers": {
        "SupplierID": "INTEGER",
        "SupplierName": "TEXT",
        "ContactName": "TEXT",
        "PhoneNumber": "TEXT",
        "Email": "TEXT",
        "Address": "TEXT",
        "City": "TEXT",
        "Country": "TEXT",
    },
    "PurchaseOrders": {
        "PurchaseOrderID": "INTEGER",
        "SupplierID": "INTEGER",
        "OrderDate": "DATE",
        "DeliveryDate": "DATE",
        "TotalAmount": "DECIMAL(14,2)",
        "Status": "TEXT",
    },
    "SalesTransactions": {
        "TransactionID": "INTEGER",
        "CustomerID": "INTEGER",
        "ProductID": "INTEGER",
        "TransactionDate": "TIMESTAMP",
        "QuantitySold": "INTEGER",
        "TotalPrice": _MONEY,
        "PaymentMethod": "TEXT",
    },
    "Customers": {
        "CustomerID": "INTEGER",
        "CustomerName": "TEXT",
        "Email": "TEXT",
        "PhoneNumber": "TEXT",
        "Address": "TEXT",
        "City": "TEXT",
        "Country": "TEXT",
        "LoyaltyPoints": "INTEGER",
    },
    "StockAdjustments": {
        "AdjustmentID": "INTEGER",
        "ProductID": "INTEGER",
        "AdjustmentType": "TEXT",
        "QuantityAdjusted": "INTEGER",
        "Reason": "TEXT",
        "AdjustedBy": "TEXT",
        "AdjustmentDate": "TIMESTAMP",
    },
    "InventoryLogs": {
        "LogID": "INTEGER",
        "ProductID": "INTEGER",
        "QuantityBefore": "INTEGER",
        "QuantityAfter": "INTEGER",
        "ActionType": "TEXT",
        "ActionDate": "TIMESTAMP",
        "PerformedBy": "TEXT",
        "Notes": "TEXT",
    },
    "ECommerceOrders": {
        "OrderID": "INTEGER",
        "Platform": "TEXT",
        "CustomerID": "INTEGER",
        "ProductID": "INTEGER",
        "OrderDate": "TIMESTAMP",
        "QuantityOrdered": "INTEGER",
        "TotalPrice": _MONEY,
        "OrderStatus": "TEXT",
    },
    "IoTDeviceLogs": {
        "LogID": "INTEGER",
        "DeviceID": "TEXT",
        "ProductID": "INTEGER",
        "EventType": "TEXT",
        "Quantity": "INTEGER",
        "Timestamp": "TIMESTAMP",
        "Location": "TEXT",
    },
    "CompetitorData": {
        "CompetitorID": "INTEGER",
        "CompetitorName": "TEXT",
        "ProductID": "INTEGER",
        "CompetitorPrice": _MONEY,
        "StockAvailability": "TEXT",
        "LastUpdated": "TIMESTAMP",
    },
    "Payments": {
        "PaymentID": "INTEGER",
        "OrderID": "INTEGER",
        "PaymentDate": "TIMESTAMP",
        "Amount": _MONEY,
        "Method": "TEXT",
        "Status": "TEXT",
    },
}
"""Declared types by table and column. Every table also ends with CreatedAt and UpdatedAt."""

_STAMPS = {"CreatedAt": "TIMESTAMP", "UpdatedAt": "TIMESTAMP"}


@dataclass(frozen=True)
class GeneratedDatabase:
    """A finished database.

    Attributes:
        path: The SQLite file.
        row_counts: Rows physically in each table, dirty ones included.
        dirt: The planted defects.
    """

    path: Path
    row_counts: dict[str, int]
    dirt: tuple[Dirt, ...]


def generate(
    path: Path,
    *,
    rows: int = USUAL_ROWS,
    seed: int = USUAL_SEED,
    seeds_dir: Path | None = None,
) -> GeneratedDatabase:
    """Generate the inventory database.

    The same `rows` and `seed` always give the same table contents. An existing file is replaced
    only by a finished database.

    Args:
        path: The SQLite file to write.
        rows: About how many sales transactions; everything else follows.
        seed: What chance starts from.
        seeds_dir: The folder with the reference data, if not the one of this project.

    Returns:
        Where the database is, how large it is, and what is wrong with it.

    Raises:
        ValueError: If `rows` is too small for a plausible shop.
    """
    if rows < SMALLEST:
        raise ValueError(f"rows is {rows}; a database needs at least {SMALLEST}")
    dice = Dice(seed)
    unfinished = path.with_name(f"{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.unlink(missing_ok=True)
    try:
        business = simulate(load_reference(seeds_dir or SEEDS, rows), rows, dice)
        row_counts, dirt = _write(unfinished, build_tables(business, rows, dice), dice)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return GeneratedDatabase(path, row_counts, dirt)


def _write(
    path: Path, tables: Iterable[tuple[str, pl.DataFrame]], dice: Dice
) -> tuple[dict[str, int], tuple[Dirt, ...]]:
    """Write all tables into a new file; return their row counts and the defects."""
    row_counts = dict.fromkeys(SCHEMA, 0)
    row_ids: dict[Plan, list[int]] = defaultdict(list)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # The file is thrown away if anything goes wrong, so it needs no journal.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for table, columns in SCHEMA.items():
            declared = ", ".join(f"{name} {kind}" for name, kind in (columns | _STAMPS).items())
            connection.execute(f"CREATE TABLE {table} ({declared})")
        for table, content in tables:
            clean = content.select(*SCHEMA[table], *_STAMPS)
            planted = plant(table, clean, dice)
            _write_table(connection, table, clean, planted)
            row_counts[table] = clean.height + len(planted)
            # Without a primary key, SQLite numbers the rows in the order they are written.
            for earlier, dirty in enumerate(planted):
                row_ids[dirty.plan].append(dirty.position + earlier + 1)
        connection.execute("COMMIT")
    dirt = tuple(
        Dirt(plan.table, plan.kind, tuple(row_ids[plan]), plan.expected, plan.note)
        for plan in PLANS
    )
    return row_counts, dirt


def _write_table(
    connection: sqlite3.Connection, table: str, clean: pl.DataFrame, planted: list[Planted]
) -> None:
    """Write one table, slipping the dirty rows in where they belong."""
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' * clean.width)})"
    written = 0
    for dirty in planted:
        connection.executemany(insert, _rows(clean, written, dirty.position))
        connection.execute(insert, [_as_text(value) for value in dirty.row.values()])
        written = dirty.position
    connection.executemany(insert, _rows(clean, written, clean.height))


def _rows(clean: pl.DataFrame, start: int, stop: int) -> Iterator[tuple[object, ...]]:
    """Return some rows as SQLite takes them, dates and times as text, a chunk at a time."""
    for offset in range(start, stop, CHUNK):
        chunk = clean[offset : min(offset + CHUNK, stop)]
        yield from chunk.with_columns(
            cs.datetime().dt.strftime(TIMESTAMP_FORMAT), cs.date().dt.strftime(DATE_FORMAT)
        ).iter_rows()


def _as_text(value: object) -> object:
    if isinstance(value, datetime):
        return value.strftime(TIMESTAMP_FORMAT)
    return value.strftime(DATE_FORMAT) if isinstance(value, date) else value
