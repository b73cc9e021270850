"""Stock that adds up: the identity per product and day, and agreement with the source."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import duckdb

from asset_checks.base import Rule, Verdict, listing, scalar

_DAILY = dg.AssetKey(["marts", "fct_stock_daily"])
_PRODUCTS = dg.AssetKey(["raw", "inventory_db__products"])


def rules() -> Iterator[Rule]:
    """The stock rules of the marts."""
    yield Rule(
        asset=_DAILY,
        name="stock_identity",
        description=(
            "For every product and day: opening + in - out = closing, and opening is the closing "
            "of the day before."
        ),
        evaluate=check_identity,
        blocking=True,
    )
    yield Rule(
        asset=_DAILY,
        name="book_stock_agrees",
        description=(
            "The last closing stock equals the quantity the inventory database states. Rows in "
            "quarantine explain differences; others are worth a stock count."
        ),
        evaluate=check_book_stock,
        needs=[_PRODUCTS],
    )


def check_identity(con: duckdb.DuckDBPyConnection) -> Verdict:
    """Look for days on which stock does not add up or does not continue."""
    broken = (
        "select * from (select product_id, stock_date, opening_quantity, quantity_in, "
        "quantity_out, closing_quantity, lag(closing_quantity) over (partition by product_id "
        "order by stock_date) as closing_before from marts.fct_stock_daily) "
        "where opening_quantity + quantity_in - quantity_out <> closing_quantity "
        "or opening_quantity <> coalesce(closing_before, 0)"
    )
    return _none_of(con, broken, "days on which stock does not add up")


def check_book_stock(con: duckdb.DuckDBPyConnection) -> Verdict:
    """Compare each product's last closing stock with the source's own number."""
    broken = (
        "with closing as (select product_id, max_by(closing_quantity, stock_date) as closing "
        "from marts.fct_stock_daily group by 1), "
        "book as (select product_id, max_by(quantity_available, _load_id) as book, "
        "max_by(_is_deleted, _load_id) as is_deleted from raw.inventory_db__products group by 1) "
        "select product_id, closing, book, closing - book as difference "
        "from closing join book using (product_id) where not is_deleted and closing <> book "
        "order by abs(closing - book) desc, product_id"
    )
    return _none_of(con, broken, "products whose stock differs from the database's", warn=True)


def _none_of(con: duckdb.DuckDBPyConnection, sql: str, what: str, *, warn: bool = False) -> Verdict:
    count = int(scalar(con, f"select count(*) from ({sql})"))
    metadata = {"rows": listing(con, sql)} if count else {}
    return Verdict(count == 0, f"{count} {what}.", {"found": count, **metadata}, warn=warn)
