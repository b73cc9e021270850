"""The generated inventory database: its business adds up, its defects are where it says."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inventory_platform.sandbox import inventory_db
from inventory_platform.sandbox.business import PRICE_DAYS
from inventory_platform.sandbox.inventory_db import (
    SCHEMA,
    Dirt,
    GeneratedDatabase,
    generate,
)
from inventory_platform.sandbox.period import DAY, DAYS, START
from inventory_platform.sandbox.reference import SEEDS

KINDS = {
    "exact_duplicate",
    "conflicting_duplicate",
    "text_in_number",
    "fraction_in_integer",
    "impossible_date",
    "future_date",
    "negative_price",
    "negative_quantity",
    "missing_required",
    "unknown_value",
    "orphan",
    "unknown_status",
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> GeneratedDatabase:
    return generate(tmp_path_factory.mktemp("sandbox") / "inventory.db")


@pytest.fixture(scope="module")
def dirty(generated: GeneratedDatabase) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(generated.path)) as connection:
        yield connection


@pytest.fixture(scope="module")
def clean(
    generated: GeneratedDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sqlite3.Connection]:
    """The same database with every planted row taken out."""
    with closing(_without_dirt(generated, tmp_path_factory.mktemp("clean"))) as connection:
        yield connection


def _without_dirt(generated: GeneratedDatabase, folder: Path) -> sqlite3.Connection:
    copy = folder / "clean.db"
    copy.write_bytes(generated.path.read_bytes())
    connection = sqlite3.connect(copy)
    for dirt in generated.dirt:
        connection.executemany(
            f"DELETE FROM {dirt.table} WHERE rowid = ?", [(row_id,) for row_id in dirt.row_ids]
        )
    return connection


def _contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT rowid, * FROM {table}").fetchall()
            for table in SCHEMA
        }


def _count(connection: sqlite3.Connection, query: str) -> int:
    """Count the rows of a query, which as a rule looks for what must not be there."""
    return int(connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0])


def _values(connection: sqlite3.Connection, dirt: Dirt, columns: str) -> list[tuple[Any, ...]]:
    places = ", ".join("?" * len(dirt.row_ids))
    return connection.execute(
        f"SELECT {columns} FROM {dirt.table} WHERE rowid IN ({places})", dirt.row_ids
    ).fetchall()


def _dirt(generated: GeneratedDatabase, table: str, kind: str) -> list[Dirt]:
    found = [dirt for dirt in generated.dirt if (dirt.table, dirt.kind) == (table, kind)]
    assert found
    return found


# --- the file


def test_same_rows_and_seed_give_the_same_contents(tmp_path: Path) -> None:
    first = generate(tmp_path / "first.db", rows=2_000, seed=7)
    second = generate(tmp_path / "second.db", rows=2_000, seed=7)
    assert _contents(first.path) == _contents(second.path)
    assert first.dirt == second.dirt


def test_another_seed_gives_other_contents(tmp_path: Path) -> None:
    first = _contents(generate(tmp_path / "first.db", rows=500, seed=1).path)
    second = _contents(generate(tmp_path / "second.db", rows=500, seed=2).path)
    assert all(first[table] != second[table] for table in SCHEMA)


def test_the_tables_have_exactly_the_declared_columns_and_no_key(
    dirty: sqlite3.Connection,
) -> None:
    tables = [name for (name,) in dirty.execute("SELECT name FROM sqlite_master")]
    assert sorted(tables) == sorted(SCHEMA)
    for table, columns in SCHEMA.items():
        info = dirty.execute(f"PRAGMA table_info({table})").fetchall()
        expected = columns | {"CreatedAt": "TIMESTAMP", "UpdatedAt": "TIMESTAMP"}
        assert [(name, kind) for _, name, kind, *_ in info] == list(expected.items())
        assert not any(not_null or key for *_, not_null, _, key in info)


@pytest.mark.parametrize("rows", [100, 1_000, 40_000])
def test_the_size_follows_rows_and_the_dirt_does_not(tmp_path: Path, rows: int) -> None:
    small = generate(tmp_path / "inventory.db", rows=rows)
    dirty_rows = sum(len(dirt.row_ids) for dirt in small.dirt)
    sales_dirt = sum(len(d.row_ids) for d in small.dirt if d.table == "SalesTransactions")
    assert small.row_counts["SalesTransactions"] - sales_dirt == pytest.approx(rows, rel=0.05)
    assert dirty_rows == 62
    with closing(_without_dirt(small, tmp_path)) as connection:
        assert _count(connection, "SELECT 1 FROM InventoryLogs WHERE QuantityAfter < 0") == 0


def test_large_databases_have_variants_of_products_and_branches_of_suppliers(
    tmp_path: Path,
) -> None:
    large = generate(tmp_path / "inventory.db", rows=100_000)
    assert large.row_counts["Products"] > 120
    assert large.row_counts["Suppliers"] > 15
    with closing(_without_dirt(large, tmp_path)) as connection:
        for column in ("ProductID", "ProductName"):
            repeated = f"SELECT 1 FROM Products GROUP BY {column} HAVING count(*) > 1"
            assert _count(connection, repeated) == 0


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 100"):
        generate(tmp_path / "inventory.db", rows=99)


def test_row_counts_are_those_of_the_file(
    generated: GeneratedDatabase, dirty: sqlite3.Connection
) -> None:
    counted = {table: _count(dirty, f"SELECT 1 FROM {table}") for table in SCHEMA}
    assert generated.row_counts == counted


def test_an_existing_database_survives_a_failed_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "inventory.db"
    generate(path, rows=200)
    before = path.read_bytes()

    def fail(*_: object) -> list[object]:
        raise OSError("disk full")

    monkeypatch.setattr(inventory_db, "plant", fail)
    with pytest.raises(OSError, match="disk full"):
        generate(path, rows=400)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_database_is_replaced_by_a_finished_one(tmp_path: Path) -> None:
    path = tmp_path / "inventory.db"
    generate(path, rows=200)
    before = path.read_bytes()
    with path.open("rb") as reader:
        generate(path, rows=400)
        assert reader.read() == before, "the old file was written into"
    assert path.read_bytes() != before
    assert list(tmp_path.iterdir()) == [path]


# --- the business


def test_the_stock_of_every_product_is_one_unbroken_chain(clean: sqlite3.Connection) -> None:
    chained = """
        SELECT QuantityBefore, ActionType, row_number() OVER chain AS place,
               lag(QuantityAfter, 1, 0) OVER chain AS previous
        FROM InventoryLogs
        WINDOW chain AS (PARTITION BY ProductID ORDER BY ActionDate, LogID)
    """
    assert _count(clean, f"SELECT 1 FROM ({chained}) WHERE QuantityBefore <> previous") == 0
    assert (
        _count(clean, f"SELECT 1 FROM ({chained}) WHERE (place = 1) <> (ActionType = 'Opening')")
        == 0
    )
    products = _count(clean, "SELECT 1 FROM Products")
    assert _count(clean, f"SELECT 1 FROM ({chained}) WHERE place = 1") == products == 60


def test_stock_is_never_negative_and_sometimes_gone(clean: sqlite3.Connection) -> None:
    assert _count(clean, "SELECT 1 FROM InventoryLogs WHERE QuantityAfter < 0") == 0
    assert _count(clean, "SELECT 1 FROM InventoryLogs WHERE QuantityAfter = 0") > 20


def test_quantity_available_is_where_the_chain_ends(clean: sqlite3.Connection) -> None:
    query = """
        SELECT 1 FROM Products p WHERE QuantityAvailable <> (
            SELECT QuantityAfter FROM InventoryLogs l WHERE l.ProductID = p.ProductID
            ORDER BY ActionDate DESC, LogID DESC LIMIT 1)
    """
    assert _count(clean, query) == 0


@pytest.mark.parametrize(
    ("action", "reason", "events"),
    [
        (
            "Sale",
            "transaction",
            (
                "SELECT TransactionID, ProductID, TransactionDate, -QuantitySold"
                " FROM SalesTransactions"
            ),
        ),
        (
            "Sale",
            "order",
            (
                "SELECT OrderID, ProductID, OrderDate, -QuantityOrdered"
                " FROM ECommerceOrders WHERE OrderStatus <> 'Cancelled'"
            ),
        ),
        (
            "Return",
            "return of order",
            (
                "SELECT OrderID, ProductID, UpdatedAt, QuantityOrdered"
                " FROM ECommerceOrders WHERE OrderStatus = 'Returned'"
            ),
        ),
        (
            "Adjustment",
            "adjustment",
            (
                "SELECT AdjustmentID, ProductID, AdjustmentDate, QuantityAdjusted"
                " * iif(AdjustmentType = 'Increase', 1, -1) FROM StockAdjustments"
            ),
        ),
    ],
)
def test_every_event_has_exactly_its_own_log_row(
    clean: sqlite3.Connection, action: str, reason: str, events: str
) -> None:
    expected = [
        (f"{reason} {key}", product, when, change)
        for key, product, when, change in clean.execute(events)
    ]
    logged = clean.execute(
        "SELECT Notes, ProductID, ActionDate, QuantityAfter - QuantityBefore FROM InventoryLogs"
        " WHERE ActionType = ? AND Notes GLOB ?",
        (action, f"{reason} [0-9]*"),
    ).fetchall()
    assert len(expected) > 100
    assert sorted(logged) == sorted(expected)


def test_the_ledger_knows_no_other_reasons(clean: sqlite3.Connection) -> None:
    reasons = clean.execute(
        "SELECT DISTINCT ActionType, rtrim(Notes, '0123456789 ') FROM InventoryLogs"
    ).fetchall()
    assert sorted(reasons) == [
        ("Adjustment", "adjustment"),
        ("Opening", "opening stock"),
        ("Restock", "purchase order"),
        ("Return", "return of order"),
        ("Sale", "order"),
        ("Sale", "transaction"),
    ]


def test_a_delivered_purchase_order_costs_what_its_deliveries_cost(
    clean: sqlite3.Connection,
) -> None:
    with (SEEDS / "products.csv").open() as file:
        costs = [round(float(row["Cost"]) * 100) for row in csv.DictReader(file)]
    received: Counter[int] = Counter()
    for product, units, note in clean.execute(
        "SELECT ProductID, QuantityAfter - QuantityBefore, Notes FROM InventoryLogs"
        " WHERE ActionType = 'Restock'"
    ):
        received[int(note.removeprefix("purchase order "))] += units * costs[product - 1]
    delivered = clean.execute(
        "SELECT PurchaseOrderID, TotalAmount FROM PurchaseOrders WHERE Status = 'Delivered'"
    )
    assert {number: round(amount * 100) for number, amount in delivered} == received


def test_only_delivered_purchase_orders_have_a_delivery_date(clean: sqlite3.Connection) -> None:
    odd = "SELECT 1 FROM PurchaseOrders WHERE (Status = 'Delivered') <> (DeliveryDate IS NOT NULL)"
    assert _count(clean, odd) == 0
    early = "SELECT 1 FROM PurchaseOrders WHERE DeliveryDate <= OrderDate"
    assert _count(clean, early) == 0


def test_every_paid_order_has_exactly_one_payment_of_its_total(clean: sqlite3.Connection) -> None:
    paid = clean.execute(
        "SELECT OrderID, TotalPrice FROM ECommerceOrders"
        " WHERE OrderStatus NOT IN ('Pending', 'Cancelled')"
    ).fetchall()
    payments = clean.execute(
        "SELECT OrderID, Amount FROM Payments WHERE Status IN ('Completed', 'Refunded')"
    ).fetchall()
    assert sorted(payments) == sorted(paid)


def test_refunds_go_to_returned_orders_and_failures_come_first(clean: sqlite3.Connection) -> None:
    joined = "FROM Payments p JOIN ECommerceOrders o USING (OrderID)"
    wrong_refund = f"SELECT 1 {joined} WHERE p.Status = 'Refunded' AND OrderStatus <> 'Returned'"
    assert _count(clean, wrong_refund) == 0
    assert _count(clean, "SELECT 1 FROM Payments WHERE Status = 'Refunded'") > 50
    late_failure = """
        SELECT 1 FROM Payments f JOIN Payments p USING (OrderID)
        WHERE f.Status = 'Failed' AND p.Status = 'Completed' AND f.PaymentDate >= p.PaymentDate
    """
    assert _count(clean, late_failure) == 0


def test_every_reference_leads_somewhere(clean: sqlite3.Connection) -> None:
    references = [
        ("Products", "SupplierID", "Suppliers"),
        ("PurchaseOrders", "SupplierID", "Suppliers"),
        ("Payments", "OrderID", "ECommerceOrders"),
        ("SalesTransactions", "CustomerID", "Customers"),
        ("ECommerceOrders", "CustomerID", "Customers"),
    ]
    sold = [table for table, columns in SCHEMA.items() if "ProductID" in columns]
    references += [(table, "ProductID", "Products") for table in sold]
    for table, column, target in references:
        lost = f"SELECT 1 FROM {table} WHERE {column} NOT IN (SELECT {column} FROM {target})"
        assert _count(clean, lost) == 0, (table, column)


def test_customers_exist_before_they_buy(clean: sqlite3.Connection) -> None:
    for table, when in (("SalesTransactions", "TransactionDate"), ("ECommerceOrders", "OrderDate")):
        buyers = f"{table} t JOIN Customers c USING (CustomerID)"
        early = f"SELECT 1 FROM {buyers} WHERE c.CreatedAt > {when}"
        assert _count(clean, early) == 0


def test_all_times_are_text_within_the_two_years(clean: sqlite3.Connection) -> None:
    for table, columns in SCHEMA.items():
        for column in [name for name, kind in columns.items() if kind == "TIMESTAMP"]:
            (low, high) = clean.execute(
                f"SELECT min({column}), max({column}) FROM {table}"
            ).fetchone()
            assert low.count(":") == 2
            assert "2024-10-01 00:00:00" <= low <= high <= "2026-09-30 23:59:59"
        assert _count(clean, f"SELECT 1 FROM {table} WHERE UpdatedAt < CreatedAt") == 0
        assert _count(clean, f"SELECT 1 FROM {table} WHERE UpdatedAt > '2026-09-30 23:59:59'") == 0


def test_weekends_and_decembers_are_busier(clean: sqlite3.Connection) -> None:
    per_day = dict(
        clean.execute(
            "SELECT strftime('%w', TransactionDate), count(*) FROM SalesTransactions GROUP BY 1"
        )
    )
    assert per_day["6"] > 1.5 * per_day["1"]
    candles = (
        "SELECT 1 FROM SalesTransactions WHERE ProductID = 10 AND strftime('%m', TransactionDate)"
    )
    assert _count(clean, f"{candles} IN ('12', '01')") > 1.5 * _count(
        clean, f"{candles} IN ('06', '07')"
    )


def test_products_were_updated_with_their_last_change_of_stock_or_price(
    clean: sqlite3.Connection,
) -> None:
    newer = """
        SELECT 1 FROM Products p WHERE UpdatedAt < (
            SELECT max(ActionDate) FROM InventoryLogs l WHERE l.ProductID = p.ProductID)
    """
    assert _count(clean, newer) == 0
    prices = (START + (DAYS - 1) // PRICE_DAYS * PRICE_DAYS * DAY,)
    (last_price_change,) = clean.execute("SELECT datetime(?, 'unixepoch')", prices).fetchone()
    assert _count(clean, f"SELECT 1 FROM Products WHERE UpdatedAt < '{last_price_change}'") == 0


def test_some_stock_is_dead(clean: sqlite3.Connection) -> None:
    dead = """
        SELECT 1 FROM Products WHERE QuantityAvailable > 0
        AND ProductID NOT IN (SELECT ProductID FROM SalesTransactions)
        AND ProductID NOT IN (SELECT ProductID FROM ECommerceOrders)
    """
    assert _count(clean, dead) == 3


def test_sensors_miss_little_of_what_they_watch(clean: sqlite3.Connection) -> None:
    watched = """
        FROM InventoryLogs WHERE ActionType IN ('Sale', 'Restock', 'Return')
        AND ProductID IN (SELECT ProductID FROM IoTDeviceLogs)
    """
    seen = _count(clean, "SELECT 1 FROM IoTDeviceLogs") / _count(clean, f"SELECT 1 {watched}")
    assert 0.96 < seen < 0.99
    assert _count(clean, "SELECT DISTINCT Location FROM IoTDeviceLogs") == 4


def test_money_has_two_decimals(clean: sqlite3.Connection) -> None:
    for table, columns in SCHEMA.items():
        for column in [name for name, kind in columns.items() if kind.startswith("DECIMAL")]:
            odd = f"SELECT 1 FROM {table} WHERE {column} <= 0 OR {column} <> round({column}, 2)"
            assert _count(clean, odd) == 0, (table, column)


# --- the dirt


def test_every_kind_of_dirt_is_planted_a_few_times(generated: GeneratedDatabase) -> None:
    assert {dirt.kind for dirt in generated.dirt} == KINDS
    assert 40 <= sum(len(dirt.row_ids) for dirt in generated.dirt) <= 70
    assert all(dirt.row_ids and dirt.note for dirt in generated.dirt)


def test_no_row_is_planted_twice_and_they_are_spread_over_the_table(
    generated: GeneratedDatabase,
) -> None:
    planted = [(dirt.table, row_id) for dirt in generated.dirt for row_id in dirt.row_ids]
    assert len(planted) == len(set(planted))
    places = [row_id for table, row_id in planted if table == "SalesTransactions"]
    size = generated.row_counts["SalesTransactions"]
    assert min(places) < size / 4
    assert max(places) > size * 3 / 4


def test_planted_rows_have_ids_of_their_own(
    generated: GeneratedDatabase, dirty: sqlite3.Connection
) -> None:
    for dirt in generated.dirt:
        keys = [key for (key,) in _values(dirty, dirt, next(iter(SCHEMA[dirt.table])))]
        assert len(keys) == len(dirt.row_ids)
        assert all((key > 9_000_000) != dirt.kind.endswith("duplicate") for key in keys)


def test_the_copies_are_identical_to_an_earlier_row(
    generated: GeneratedDatabase, dirty: sqlite3.Connection
) -> None:
    copies = [dirt for dirt in generated.dirt if dirt.kind == "exact_duplicate"]
    assert {d.table for d in copies} == {
        "Products",
        "Customers",
        "SalesTransactions",
        "ECommerceOrders",
    }
    for dirt in copies:
        assert dirt.expected == "deduplicated"
        for row_id in dirt.row_ids:
            row, *_ = dirty.execute(f"SELECT * FROM {dirt.table} WHERE rowid = ?", (row_id,))
            key = next(iter(SCHEMA[dirt.table]))
            twins = dirty.execute(
                f"SELECT * FROM {dirt.table} WHERE {key} = ? AND rowid < ?", (row[0], row_id)
            ).fetchall()
            assert twins == [row]


@pytest.mark.parametrize("table", ["Suppliers", "Payments"])
def test_a_conflicting_row_comes_before_the_real_one(
    generated: GeneratedDatabase, dirty: sqlite3.Connection, table: str
) -> None:
    key = next(iter(SCHEMA[table]))
    (dirt,) = _dirt(generated, table, "conflicting_duplicate")
    assert dirt.expected == "quarantined:duplicate_key"
    for row_id in dirt.row_ids:
        planted, *_ = dirty.execute(f"SELECT * FROM {table} WHERE rowid = ?", (row_id,))
        real = dirty.execute(
            f"SELECT * FROM {table} WHERE {key} = ? AND rowid > ?", (planted[0], row_id)
        ).fetchall()
        assert len(real) == 1
        assert real[0] != planted
        assert real[0][-1] == planted[-1]


@pytest.mark.parametrize(
    ("table", "kind", "expected", "columns", "values"),
    [
        ("StockAdjustments", "text_in_number", "not_a_number", "QuantityAdjusted", ["twelve"]),
        ("IoTDeviceLogs", "text_in_number", "not_a_number", "Quantity", ["12 pcs", "abc"]),
        ("Products", "text_in_number", "not_a_number", "UnitPrice", ["1,5", "abc"]),
        ("SalesTransactions", "fraction_in_integer", "not_an_integer", "QuantitySold", [2.5, 2.5]),
        (
            "PurchaseOrders",
            "impossible_date",
            "not_a_date",
            "OrderDate",
            ["0000-00-00", "2026-02-30", "31/12/2025"],
        ),
        (
            "SalesTransactions",
            "impossible_date",
            "not_a_timestamp",
            "TransactionDate",
            ["2026-02-30", "yesterday"],
        ),
        (
            "InventoryLogs",
            "impossible_date",
            "not_a_timestamp",
            "ActionDate",
            ["0000-00-00", "31/12/2025"],
        ),
        (
            "ECommerceOrders",
            "future_date",
            "in_the_future",
            "UpdatedAt",
            ["2999-12-31 00:00:00"] * 2,
        ),
        ("IoTDeviceLogs", "future_date", "in_the_future", "UpdatedAt", ["2999-12-31 00:00:00"] * 2),
        ("CompetitorData", "negative_price", "out_of_range", "CompetitorPrice", [-19.9, -4.5]),
        ("Payments", "negative_price", "out_of_range", "Amount", [-80.25, -12.5]),
        ("SalesTransactions", "negative_quantity", "out_of_range", "QuantitySold", [-3, -1]),
        ("Products", "missing_required", "missing_value", "ProductName", [None]),
        ("Customers", "missing_required", "missing_value", "CustomerName", [None, None]),
        ("SalesTransactions", "missing_required", "missing_value", "ProductID", [None, None]),
        ("Payments", "missing_required", "missing_value", "OrderID", [None, None]),
        ("StockAdjustments", "unknown_value", "not_allowed", "AdjustmentType", ["Sideways"] * 2),
        ("IoTDeviceLogs", "unknown_value", "not_allowed", "EventType", ["Stock Sideways"] * 2),
        ("SalesTransactions", "orphan", "", "ProductID", [8_888_888] * 2),
        ("PurchaseOrders", "orphan", "", "SupplierID", [777_777]),
        ("ECommerceOrders", "orphan", "", "CustomerID", [6_666_666] * 2),
        ("ECommerceOrders", "unknown_status", "", "OrderStatus", ["On Hold"]),
    ],
)
def test_the_listed_rows_really_have_the_defect(
    generated: GeneratedDatabase,
    dirty: sqlite3.Connection,
    table: str,
    kind: str,
    expected: str,
    columns: str,
    values: list[object],
) -> None:
    (dirt,) = _dirt(generated, table, kind)
    assert dirt.expected == (f"quarantined:{expected}" if expected else "warned")
    found = [value for (value,) in _values(dirty, dirt, columns)]
    assert sorted(found, key=repr) == sorted(values, key=repr)


def test_text_is_planted_in_both_numbers_of_a_sale(
    generated: GeneratedDatabase, dirty: sqlite3.Connection
) -> None:
    quantity, price = _dirt(generated, "SalesTransactions", "text_in_number")
    both = "typeof(QuantitySold), typeof(TotalPrice)"
    assert {kinds[0] for kinds in _values(dirty, quantity, both)} == {"text"}
    assert "text" not in {kinds[1] for kinds in _values(dirty, quantity, both)}
    assert {kinds[1] for kinds in _values(dirty, price, both)} == {"text"}
    assert "text" not in {kinds[0] for kinds in _values(dirty, price, both)}


def test_rows_that_are_only_warned_about_move_no_stock(
    generated: GeneratedDatabase, dirty: sqlite3.Connection
) -> None:
    kept = [dirt for dirt in generated.dirt if dirt.expected == "warned"]
    for dirt in kept:
        for (key,) in _values(dirty, dirt, next(iter(SCHEMA[dirt.table]))):
            mentioned = f"SELECT 1 FROM InventoryLogs WHERE Notes LIKE '% {key}'"
            assert _count(dirty, mentioned) == 0
