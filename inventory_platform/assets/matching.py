"""Competitors' products on the asset graph: which of ours they are.

The matching itself is pure functions in `planning/matching.py`; here is which rows it gets and
where its result goes: a table in the warehouse's schema `planning`, replaced as a whole. It is
made from raw tables, before the models are built, so that one build sees it. What is planned from
finished facts is in `assets/planning.py`.
"""

from __future__ import annotations

import dagster as dg
import duckdb
import polars as pl

from inventory_platform.assets.raw import POOL, raw_key
from inventory_platform.planning.matching import REVIEWED, match_products
from inventory_platform.registry import Registry
from inventory_platform.settings import PROJECT_DIR
from inventory_platform.warehouse import Warehouse, refresh

_VERDICTS = PROJECT_DIR / "seeds" / "reference" / "product_matches.csv"
READ = ("competitor_shop__products", "inventory_db__products", "linnworks__stock_items")
"""The raw tables read here."""

# Of a competitor's product its own page says more than a listing.
_THEIRS = """
    select product_url as offer_id, sku, gtin, name, brand
    from raw.competitor_shop__products
    qualify row_number() over (
        partition by product_url order by page_kind desc, seen_at desc, page_url
    ) = 1
"""
# The old database knows neither SKU nor barcode; Linnworks does, under the same name.
_OURS = """
    with products as (
        select product_id, product_name, _is_deleted from raw.inventory_db__products
        qualify row_number() over (partition by product_id order by _load_id desc) = 1
    ),
    items as (
        select barcode, sku, title, _is_deleted from raw.linnworks__stock_items
        qualify row_number() over (partition by stock_item_id order by _load_id desc) = 1
    )
    select
        p.product_id,
        min(i.sku) as sku,
        min(i.barcode) as gtin,
        p.product_name as name,
        cast(null as varchar) as brand
    from products p
    left join items i on lower(trim(i.title)) = lower(trim(p.product_name)) and not i._is_deleted
    where not p._is_deleted
    group by all
"""


def build_matching_asset(registry: Registry) -> dg.AssetsDefinition:
    """The matches; a source that is not there is one without rows."""

    @dg.asset(
        key=["planning", "competitor_matches"],
        deps=[raw_key(registry.contracts[name]) for name in READ if name in registry.contracts],
        description="Which of our products each competitor's product is, and how certain that is.",
        group_name="planning",
        kinds={"polars", "duckdb"},
        owners=["team:pricing"],
        pool=POOL,
    )
    def competitor_matches(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult[None]:
        refresh(registry.settings, registry.relations)
        with warehouse.connect() as con:
            counts = replace_matches(con)
        return dg.MaterializeResult(metadata={"dagster/row_count": sum(counts.values()), **counts})

    return competitor_matches


def replace_matches(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Match everything anew from the raw views; returns status of a match → products."""
    reviewed = pl.read_csv(_VERDICTS, columns=list(REVIEWED))
    found = match_products(con.sql(_THEIRS).pl(), con.sql(_OURS).pl(), reviewed)
    con.register("found", found.to_arrow())
    con.execute("create schema if not exists planning")
    con.execute("create or replace table planning.competitor_matches as from found")
    return dict(found.group_by("status").len().iter_rows())
