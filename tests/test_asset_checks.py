"""Each rule of `asset_checks/` with a case it passes and a case it fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import duckdb
import pytest

from asset_checks.assemble import to_result
from asset_checks.base import Rule, Verdict
from asset_checks.contracts import check_contract, check_drift, check_quarantine_rate
from asset_checks.reconciliation import check_ledger, check_staging, check_totals
from asset_checks.references import check_orphans
from asset_checks.stock import check_book_stock, check_differences, check_identity
from asset_checks.volume import check_daily_volume, check_snapshot_volume
from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    describe,
    table,
)


class Items(Contract):
    """Items on sale."""

    item_id: Integer = column("ItemID", "Identifies the item.")
    price: Money = column("Price", "Price.", ge=0)
    kind: Text = column("Kind", "Kind.", isin=["toy", "tool"], raise_warning=True)
    maker_id: Integer = column("MakerID", "Maker.", nullable=True)
    updated_at: Timestamp = column("UpdatedAt", "Changed.")

    class Config:
        metadata = table("Items", key=["item_id"], cursor="updated_at")


class Makers(Contract):
    """Makers of items."""

    maker_id: Integer = column("MakerID", "Identifies the maker.")

    class Config:
        metadata = table("Makers", key=["maker_id"])


ITEMS = describe(Items, "shop")
MAKERS = describe(Makers, "shop")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with three good items in two loads."""
    with duckdb.connect() as con:
        for schema in ("raw", "ops", "staging", "marts"):
            con.execute(f"create schema {schema}")
        con.execute(
            "create table raw.shop__items (item_id bigint, price decimal(18,2), kind varchar, "
            "maker_id bigint, updated_at timestamp, _load_id varchar, _loaded_at timestamp, "
            "_is_deleted boolean, _position bigint)"
        )
        con.execute(
            "insert into raw.shop__items select i, 9.99, 'toy', 1, "
            "timestamp '2026-01-05 10:00:00', if(i < 3, 'L1', 'L2'), now()::timestamp, "
            "false, i from range(1, 4) t(i)"
        )
        con.execute("create table raw.shop__makers (maker_id bigint)")
        con.execute("insert into raw.shop__makers values (1)")
        con.execute(
            "create table staging.stg_shop__items as select item_id, price from raw.shop__items"
        )
        con.execute(
            "create table ops.loads (source varchar, table_name varchar, load_id varchar, "
            "kind varchar, rows_read bigint, rows_loaded bigint, rows_quarantined bigint, "
            "rows_deduplicated bigint, rows_vanished bigint, drift varchar[])"
        )
        con.execute(
            "insert into ops.loads values ('shop', 'items', 'L1', 'snapshot', 2, 2, 0, 0, 0, []), "
            "('shop', 'items', 'L2', 'snapshot', 3, 1, 0, 2, 0, [])"
        )
        con.execute(
            "create table ops.quarantine (source varchar, table_name varchar, status varchar, "
            "reason_code varchar, reason varchar)"
        )
        yield con


def test_a_table_as_its_contract_says_passes(con: duckdb.DuckDBPyConnection) -> None:
    verdict = check_contract(con, ITEMS)
    assert verdict.passed
    assert verdict.metadata["sampled_rows"] == 1


def test_a_value_pandera_refuses_fails_the_contract(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update raw.shop__items set price = -1 where _load_id = 'L2'")
    verdict = check_contract(con, ITEMS)
    assert not verdict.passed
    assert "price" in verdict.metadata["failures"].value


def test_a_column_of_another_type_fails_the_contract(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("alter table raw.shop__items alter price type double")
    verdict = check_contract(con, ITEMS)
    assert not verdict.passed
    assert "price is DOUBLE, declared DECIMAL(18,2)" in verdict.summary


def test_few_rejected_rows_are_tolerated_and_many_are_not(con: duckdb.DuckDBPyConnection) -> None:
    reject = "insert into ops.quarantine values ('shop', 'items', 'open', 'not_a_number', 'x')"
    con.execute(reject)
    assert check_quarantine_rate(con, ITEMS, 0.05).passed
    for _ in range(10):
        con.execute(reject)
    verdict = check_quarantine_rate(con, ITEMS, 0.05)
    assert not verdict.passed
    assert verdict.metadata["quarantined"] == 11
    con.execute("update ops.quarantine set status = 'replayed'")
    assert check_quarantine_rate(con, ITEMS, 0.05).passed


def test_a_new_value_and_a_new_column_are_told_as_drift(con: duckdb.DuckDBPyConnection) -> None:
    assert check_drift(con, ITEMS).passed
    con.execute("update raw.shop__items set kind = 'book' where item_id = 1")
    con.execute("update ops.loads set drift = ['added: Colour'] where load_id = 'L2'")
    verdict = check_drift(con, ITEMS)
    assert not verdict.passed
    assert verdict.warn
    assert "'book' in 1 rows" in verdict.summary
    assert "added: Colour" in verdict.summary


def test_the_ledger_explains_the_table(con: duckdb.DuckDBPyConnection) -> None:
    verdict = check_ledger(con, ITEMS)
    assert verdict.passed
    assert verdict.metadata["rows_read"] == 5


def test_a_load_that_lost_a_row_fails_the_ledger(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update ops.loads set rows_read = 4 where load_id = 'L2'")
    assert "1 of 2 loads" in check_ledger(con, ITEMS).summary
    con.execute("update ops.loads set rows_read = 3 where load_id = 'L2'")
    con.execute("delete from raw.shop__items where item_id = 1")
    assert not check_ledger(con, ITEMS).passed


def test_staging_with_a_missing_or_extra_row_fails(con: duckdb.DuckDBPyConnection) -> None:
    assert check_staging(con, ITEMS).passed
    con.execute("update staging.stg_shop__items set item_id = 99 where item_id = 1")
    verdict = check_staging(con, ITEMS)
    assert not verdict.passed
    assert verdict.metadata["differing"] == 2


def test_staging_does_not_hold_vanished_rows(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "insert into raw.shop__items select * replace ('L3' as _load_id, true as _is_deleted) "
        "from raw.shop__items where item_id = 1"
    )
    assert not check_staging(con, ITEMS).passed
    con.execute("delete from staging.stg_shop__items where item_id = 1")
    assert check_staging(con, ITEMS).passed


def test_totals_that_differ_by_a_cent_fail(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table marts.m as select price from staging.stg_shop__items")
    mart, source = "select sum(price) from marts.m", "select sum(price) from shop__items"
    assert check_totals(con, mart, source, [ITEMS]).passed
    con.execute("insert into marts.m values (0.01)")
    verdict = check_totals(con, mart, source, [ITEMS])
    assert not verdict.passed
    assert "29.98" in verdict.metadata["model"].value
    assert "29.97" in verdict.metadata["source"].value


def test_orphans_are_counted_and_listed(con: duckdb.DuckDBPyConnection) -> None:
    assert check_orphans(con, ITEMS, "maker_id", MAKERS, "maker_id").passed
    con.execute("update raw.shop__items set maker_id = 777 where item_id = 2")
    con.execute("update raw.shop__items set maker_id = null where item_id = 3")
    verdict = check_orphans(con, ITEMS, "maker_id", MAKERS, "maker_id")
    assert not verdict.passed
    assert verdict.warn
    assert verdict.metadata["orphans"] == 1
    assert "| 777 | 2 |" in verdict.metadata["rows"].value


@pytest.mark.parametrize(("rows", "passes"), [(1, True), (2, True), (0, False)])
def test_a_snapshot_may_lose_half_of_its_rows_not_more(
    con: duckdb.DuckDBPyConnection, rows: int, passes: bool
) -> None:
    con.execute("update ops.loads set rows_read = ? where load_id = 'L2'", [rows])
    assert check_snapshot_volume(con, ITEMS).passed is passes


def test_a_first_snapshot_has_nothing_to_compare_with(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from ops.loads where load_id = 'L1'")
    assert check_snapshot_volume(con, ITEMS).passed


def fill_days(con: duckdb.DuckDBPyConnection, last_monday_rows: int) -> None:
    """Ten weeks with 100 rows on a Monday and 10 on other days; the last day still fills up."""
    con.execute("delete from raw.shop__items")
    last_monday = date(2026, 3, 9)
    for back in range(70):
        day = last_monday - timedelta(days=back)
        rows = last_monday_rows if back == 0 else (100 if day.weekday() == 0 else 10)
        con.execute(
            "insert into raw.shop__items select 1, 1, 'toy', 1, ?::date + interval 9 hour, 'L1', "
            "now()::timestamp, false, 1 from range(?)",
            [day, rows],
        )
    con.execute(
        "insert into raw.shop__items select 1, 1, 'toy', 1, ?::date, 'L1', now()::timestamp, "
        "false, 1",
        [last_monday + timedelta(days=1)],
    )


@pytest.mark.parametrize(("rows", "passes"), [(100, True), (90, True), (10, False), (0, False)])
def test_a_monday_is_compared_with_mondays(
    con: duckdb.DuckDBPyConnection, rows: int, passes: bool
) -> None:
    fill_days(con, rows)
    verdict = check_daily_volume(con, ITEMS)
    assert verdict.metadata["day"] == "2026-03-09"
    assert verdict.metadata["rows"] == rows
    assert verdict.metadata["usual"] == 100
    assert verdict.passed is passes


def test_a_young_table_is_not_judged_by_its_volume(con: duckdb.DuckDBPyConnection) -> None:
    assert "Fewer than 4 weeks" in check_daily_volume(con, ITEMS).summary


@pytest.fixture
def stock(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """10 of A came to NTH on day one and 4 went on day two, when 1 was lost; 2 came to STH.

    Another 9 lie in a store, which the database knows nothing of.
    """
    con.execute(
        "create table marts.fct_stock_daily as select * from (values "
        "('A', 'NTH', date '2026-01-01', 0, 10, 0, 0, 10), "
        "('A', 'NTH', date '2026-01-02', 10, 0, 4, -1, 5), "
        "('A', 'STH', date '2026-01-02', 0, 2, 0, 0, 2), "
        "('A', 'S01', date '2026-01-02', 0, 9, 0, 0, 9)) "
        "t(product_id, location_id, stock_date, opening_quantity, quantity_in, quantity_out, "
        "adjustment_quantity, closing_quantity)"
    )
    con.execute(
        "create table raw.inventory_db__products as select 1 as product_id, "
        "7 as quantity_available, 'L1' as _load_id, false as _is_deleted"
    )
    con.execute("create schema transformed")
    con.execute("create schema reference")
    con.execute(
        "create table transformed.product_keys as select 'inventory_db' as source, "
        "'1' as source_product_key, 'A' as product_id"
    )
    con.execute(
        "create table reference.locations as select * from (values ('NTH', 'inventory_db'), "
        "('STH', 'inventory_db'), ('S01', 'pos_api')) t(location_id, book_source)"
    )
    return con


def test_stock_that_adds_up_passes(stock: duckdb.DuckDBPyConnection) -> None:
    assert check_identity(stock).passed
    assert check_book_stock(stock).passed


@pytest.mark.parametrize(
    "damage",
    [
        "update marts.fct_stock_daily set quantity_out = 3 where quantity_out = 4",
        "update marts.fct_stock_daily set opening_quantity = 9, quantity_out = 3 "
        "where opening_quantity = 10",
        "update marts.fct_stock_daily set opening_quantity = 1, closing_quantity = 11 "
        "where closing_quantity = 10",
        "update marts.fct_stock_daily set adjustment_quantity = 0 where adjustment_quantity = -1",
    ],
)
def test_stock_that_does_not_add_up_or_continue_fails(
    stock: duckdb.DuckDBPyConnection, damage: str
) -> None:
    stock.execute(damage)
    assert not check_identity(stock).passed


def test_stock_other_than_the_source_states_warns_with_the_difference(
    stock: duckdb.DuckDBPyConnection,
) -> None:
    stock.execute("update raw.inventory_db__products set quantity_available = 8")
    verdict = check_book_stock(stock)
    assert not verdict.passed
    assert verdict.warn
    assert "| A | 7 | 8 | -1 |" in verdict.metadata["rows"].value


def test_differences_between_systems_warn_the_costliest_first(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute(
        "create table marts.fct_stock_reconciliation as select * from (values "
        "('A', 'NTH', 9, null, 'timing', 'a'), ('B', 'NTH', -2, -8.00, 'shrinkage', 'b'), "
        "('C', 'NTH', 0, 0.00, 'none', 'c')) t(product_id, location_id, difference, "
        "difference_value, likely_cause, explanation)"
    )
    verdict = check_differences(con)
    assert not verdict.passed
    assert verdict.warn
    assert verdict.metadata["rows"].value.splitlines()[2:] == [
        "| B | NTH | -2 | -8.00 | shrinkage | b |",
        "| A | NTH | 9 |  | timing | a |",
    ]
    con.execute("delete from marts.fct_stock_reconciliation where likely_cause <> 'none'")
    assert check_differences(con).passed


def test_a_verdict_reaches_dagster_with_its_severity() -> None:
    rule = Rule(dg.AssetKey("a"), "r", "d", lambda con: Verdict(True, ""))
    warned = to_result(rule, Verdict(False, "two rows", {"rows": 2}, warn=True))
    assert warned.severity == dg.AssetCheckSeverity.WARN
    assert warned.description == "two rows"
    failed = to_result(rule, Verdict(False, "two rows"))
    assert failed.severity == dg.AssetCheckSeverity.ERROR
    assert failed.passed is False
