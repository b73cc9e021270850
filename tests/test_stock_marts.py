"""From the sandbox's systems to the stock marts: what they disagree about is what was planted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from inventory_platform.assets.dbt_project import run_dbt
from inventory_platform.registry import Registry, read_registry
from inventory_platform.sandbox import files, inventory_db
from inventory_platform.sandbox.codes import sku
from inventory_platform.sandbox.differences import DIFFERENCES
from inventory_platform.settings import Settings
from inventory_platform.sources.sandboxed import stop_sandbox
from inventory_platform.warehouse import open_warehouse, refresh

pytestmark = pytest.mark.slow

FETCHED = {
    "linnworks": ("stock", "locations"),
    "pos_api": ("receipts", "stores", "stock_counts"),
}
LOADED = {
    "inventory_db": (
        *("products", "sales_transactions", "ecommerce_orders", "stock_adjustments"),
        *("inventory_logs", "iot_device_logs"),
    ),
    "shop_files": ("inventory",),
    "linnworks": ("stock_items", "stock_item_levels", "stock_level_snapshots", "stock_locations"),
    "pos_api": ("stores", "stock_counts", "receipts", "receipt_lines"),
}
"""Sources, and their tables that stock is made of."""


def load(registry: Registry) -> None:
    """Load what stock is made of, as the platform would."""
    for name, tables in LOADED.items():
        source = registry.source(name)
        for fetch in FETCHED.get(name, ()):
            registry.fetch(source, fetch)
        loader = registry.loader(source)
        for table in tables:
            loader.load(registry.of_source(name)[table])


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with the stock of the generated sandbox."""
    folder = tmp_path_factory.mktemp("stock")
    settings = Settings(data_dir=folder / "data", threads=1)
    inventory_db.generate(settings.sandbox_database)
    files.generate(settings.sandbox_drop)
    registry = read_registry(settings)
    load(registry)
    stop_sandbox()
    refresh(settings, registry.relations)
    aside = ("--target-path", str(folder / "target"), "--log-path", str(folder / "logs"))
    run_dbt(
        settings, "build", "--exclude-resource-types", "unit_test", "test", *aside,
        "--select", "+fct_stock_reconciliation", "+fct_stock_position",
        "stg_inventory_db__products",
    )  # fmt: skip
    run_dbt(
        settings, "test", *aside, "--indirect-selection", "cautious",
        "--select", "fct_stock_movements", "fct_stock_daily", "fct_stock_position",
        "fct_stock_reconciliation", "stock_movements", "business_days",
    )  # fmt: skip
    with open_warehouse(settings) as con:
        yield con


def test_the_differences_found_are_those_planted_with_their_cause(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = warehouse.sql(
        "select product_id, location_id, likely_cause, abs(difference) "
        "from marts.fct_stock_reconciliation where likely_cause <> 'none'"
    ).fetchall()
    assert sorted(found) == sorted(
        (sku(d.product), d.location, str(d.cause), d.quantity) for d in DIFFERENCES
    )


def test_each_system_is_off_by_what_was_planted_in_it(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = warehouse.sql(
        "select product_id, coalesce(linnworks_difference, 0), coalesce(sensor_difference, 0), "
        "coalesce(count_difference, 0) from marts.fct_stock_reconciliation "
        "where likely_cause <> 'none'"
    ).fetchall()
    assert sorted(found) == sorted(
        (sku(d.product), d.linnworks, d.sensors, d.counted) for d in DIFFERENCES
    )


def test_every_product_is_compared_where_it_lies(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows: list[Any] = warehouse.sql(
        "select location_id, count(*), count(linnworks_quantity), count(sensor_quantity), "
        "count(counted_quantity) from marts.fct_stock_reconciliation group by 1 order by 1"
    ).fetchall()
    # Fifteen products lie in each; a tag have three in five that ever moved.
    assert rows == [
        ("CTR", 15, 0, 9, 15),
        ("EST", 15, 0, 8, 15),
        ("NTH", 15, 0, 9, 15),
        ("STH", 15, 15, 7, 15),
    ]


def test_the_books_close_with_what_the_old_database_states(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    differing = warehouse.sql(
        "select closing.product_id, closing.quantity, stated.quantity_available "
        "from (select product_id, sum(on_hand) as quantity from marts.fct_stock_position "
        "where location_id in ('NTH', 'STH', 'EST', 'CTR') group by 1) as closing "
        "join transformed.product_keys as keys using (product_id) "
        "join staging.stg_inventory_db__products as stated "
        "on keys.source = 'inventory_db' "
        "and keys.source_product_key = cast(stated.product_id as varchar) "
        "where closing.quantity <> stated.quantity_available"
    ).fetchall()
    assert differing == []


def test_a_store_has_what_was_counted_on_its_last_day(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    differing = warehouse.sql(
        "select counts.store_code, counts.sku, counts.quantity, positions.on_hand "
        "from staging.stg_pos_api__stock_counts as counts "
        "left join marts.fct_stock_position as positions "
        "on counts.sku = positions.product_id and counts.store_code = positions.location_id "
        "where counts.counted_on = date '2026-09-30' "
        "and positions.on_hand is distinct from counts.quantity"
    ).fetchall()
    assert differing == []


def test_linnworks_locations_have_the_levels_it_states(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    rows = warehouse.sql(
        "select sum(levels.stock_level), sum(positions.on_hand) "
        "from staging.stg_linnworks__stock_item_levels as levels "
        "join transformed.product_keys as keys "
        "on keys.source = 'linnworks' and keys.source_product_key = levels.stock_item_id "
        "left join marts.fct_stock_position as positions "
        "on positions.product_id = keys.product_id and positions.location_id = "
        "case levels.location_name when 'Default' then 'HUB' else 'FBA' end "
        "where levels.location_name in ('Default', 'Amazon FBA')"
    ).fetchone()
    assert rows is not None
    assert rows[0] == rows[1] > 0
