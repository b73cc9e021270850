"""Stock that adds up: the identity per product, location and day, and agreement between systems."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import duckdb

from asset_checks.base import Rule, Verdict, listing, scalar

_DAILY = dg.AssetKey(["marts", "fct_stock_daily"])
_RECONCILIATION = dg.AssetKey(["marts", "fct_stock_reconciliation"])
_PRODUCTS = dg.AssetKey(["raw", "inventory_db__products"])
_KEYS = dg.AssetKey(["transformed", "product_keys"])
_LOCATIONS = dg.AssetKey(["reference", "locations"])


def rules() -> Iterator[Rule]:
    """The stock rules of the marts."""
    yield Rule(
        asset=_DAILY,
        name="stock_identity",
        description=(
            "For every product, location and day: opening + in - out + adjustment = closing, and "
            "opening is the closing of the day before."
        ),
        evaluate=check_identity,
        blocking=True,
    )
    yield Rule(
        asset=_DAILY,
        name="book_stock_agrees",
        description=(
            "The last closing stock of a product, over the locations whose book the inventory "
            "database keeps, equals the quantity that states. Rows in quarantine explain "
            "differences; others are worth a stock count."
        ),
        evaluate=check_book_stock,
        needs=[_PRODUCTS, _KEYS, _LOCATIONS],
    )
    yield Rule(
        asset=_RECONCILIATION,
        name="systems_agree",
        description=(
            "Book, Linnworks, sensors and counts say the same of every product and location. "
            "Differences are listed with their likely cause, the costliest first."
        ),
        evaluate=check_differences,
    )


def check_identity(con: duckdb.DuckDBPyConnection) -> Verdict:
    """Look for days on which stock does not add up or does not continue."""
    broken = (
        "select * from (select product_id, location_id, stock_date, opening_quantity, "
        "quantity_in, quantity_out, adjustment_quantity, closing_quantity, "
        "lag(closing_quantity) over (partition by product_id, location_id order by stock_date) "
        "as closing_before from marts.fct_stock_daily) "
        "where opening_quantity + quantity_in - quantity_out + adjustment_quantity "
        "<> closing_quantity or opening_quantity <> coalesce(closing_before, 0)"
    )
    return _none_of(con, broken, "days on which stock does not add up")


def check_book_stock(con: duckdb.DuckDBPyConnection) -> Verdict:
    """Compare each product's last closing stock with the source's own number."""
    broken = (
        "with closing as (select product_id, sum(closing_quantity) as closing "
        "from marts.fct_stock_daily join reference.locations using (location_id) "
        "where book_source = 'inventory_db' "
        "and stock_date = (select max(stock_date) from marts.fct_stock_daily) group by 1), "
        "book as (select cast(product_id as varchar) as source_product_key, "
        "max_by(quantity_available, _load_id) as book, max_by(_is_deleted, _load_id) as is_deleted "
        "from raw.inventory_db__products group by 1) "
        "select product_id, closing, book, closing - book as difference "
        "from book join transformed.product_keys using (source_product_key) "
        "join closing using (product_id) "
        "where source = 'inventory_db' and not is_deleted and closing <> book "
        "order by abs(closing - book) desc, product_id"
    )
    return _none_of(con, broken, "products whose stock differs from the database's", warn=True)


def check_differences(con: duckdb.DuckDBPyConnection) -> Verdict:
    """List what the systems disagree about."""
    differing = (
        "select product_id, location_id, difference, difference_value, likely_cause, explanation "
        "from marts.fct_stock_reconciliation where likely_cause <> 'none' "
        "order by abs(difference_value) desc nulls last, abs(difference) desc, product_id, "
        "location_id"
    )
    return _none_of(con, differing, "products and places that systems disagree about", warn=True)


def _none_of(con: duckdb.DuckDBPyConnection, sql: str, what: str, *, warn: bool = False) -> Verdict:
    count = int(scalar(con, f"select count(*) from ({sql})"))
    metadata = {"rows": listing(con, sql)} if count else {}
    return Verdict(count == 0, f"{count} {what}.", {"found": count, **metadata}, warn=warn)
