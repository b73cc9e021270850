"""Two hosted businesses from their databases to the sales marts, by their declaration alone.

Totals are those their publishers know; what is counted by hand stands beside its number. The
databases are no part of the project: without them there is nothing to test.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inventory_platform.assets.dbt_project import run_dbt
from inventory_platform.landing.lake import LoadRecord
from inventory_platform.registry import read_registry
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.warehouse import open_warehouse, refresh

DATA = PROJECT_DIR.parent / "shared" / "data"
DATABASES = {
    "northwind": DATA / "northwind" / "northwind.sqlite",
    "model_cars": DATA / "model_cars" / "mintclassics.sqlite",
}
ROWS = {
    "northwind__categories": 8,
    "northwind__customers": 91,
    "northwind__employees": 9,
    "northwind__orders": 830,
    "northwind__order_details": 2155,
    "northwind__products": 77,
    "northwind__shippers": 3,
    "northwind__suppliers": 29,
    "northwind__territories": 53,
    "northwind__employee_territories": 49,
    "model_cars__warehouses": 4,
    "model_cars__product_lines": 7,
    "model_cars__products": 110,
    "model_cars__offices": 7,
    "model_cars__employees": 23,
    "model_cars__customers": 122,
    "model_cars__orders": 326,
    "model_cars__order_details": 2996,
    "model_cars__payments": 273,
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(path.exists() for path in DATABASES.values()),
        reason=f"the databases of Northwind and Model Cars are not in {DATA}",
    ),
]


@dataclass(frozen=True)
class Hosted:
    """A data folder into which both businesses, and nothing else, were loaded."""

    settings: Settings
    records: dict[str, LoadRecord]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings) as con:
            return con.sql(sql).fetchall()


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory, extensions: Path) -> Hosted:
    folder = tmp_path_factory.mktemp("hosted")
    entries = [f'[{name}]\naddress = "sqlite:///{path}"\n' for name, path in DATABASES.items()]
    (folder / "sources.toml").write_text("\n".join(entries))
    (folder / "data").mkdir()
    (folder / "data" / "duckdb_extensions").symlink_to(extensions)
    settings = Settings(data_dir=folder / "data", sources_file=folder / "sources.toml", threads=1)
    registry = read_registry(settings)
    records = {
        contract.relation: registry.loader(source).load(contract)
        for source, contract in registry.tables()
    }
    refresh(settings, registry.relations)
    run_dbt(
        settings, "build", "--select", "+fct_order_lines", "+fct_orders", "+dim_products",
        "+dim_customers", "+dim_suppliers", "+fct_order_status_changes", "+stock_movements",
        "staging.northwind", "staging.model_cars", "transformed.keys", "transformed.orders",
        "--indirect-selection", "empty", "--exclude-resource-type", "unit_test",
        "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"),
    )  # fmt: skip
    return Hosted(settings, records)


def test_every_row_is_loaded_none_is_rejected_and_nothing_is_unknown(hosted: Hosted) -> None:
    assert {name: record.rows_loaded for name, record in hosted.records.items()} == ROWS
    assert not any(record.rows_quarantined for record in hosted.records.values())
    assert not any(record.drift for record in hosted.records.values())


def test_staging_holds_the_rows_of_the_raw_tables(hosted: Hosted) -> None:
    for relation, rows in ROWS.items():
        assert hosted.ask(f"select count(*) from staging.stg_{relation}") == [(rows,)], relation


@pytest.mark.parametrize("layer", ["raw.", "staging.stg_"])
def test_northwind_has_its_totals(hosted: Hosted, layer: str) -> None:
    revenue = hosted.ask(
        "select sum(unit_price * quantity * (1 - discount)), sum(unit_price * quantity), "
        f"sum(quantity) from {layer}northwind__order_details"
    )
    assert revenue == [(Decimal("1265793.0395"), Decimal("1354458.59"), 51317)]
    orders = hosted.ask(
        "select sum(freight), min(order_date)::text, max(order_date)::text, "
        f"count(*) - count(shipped_date) from {layer}northwind__orders"
    )
    assert orders == [(Decimal("64942.69"), "1996-07-04", "1998-05-06", 21)]


@pytest.mark.parametrize("layer", ["raw.", "staging.stg_"])
def test_model_cars_has_its_totals(hosted: Hosted, layer: str) -> None:
    ordered = hosted.ask(
        "select sum(quantity_ordered * price_each), sum(quantity_ordered) "
        f"from {layer}model_cars__order_details"
    )
    assert ordered == [(Decimal("9604190.61"), 105516)]
    paid = hosted.ask(f"select sum(amount) from {layer}model_cars__payments")
    assert paid == [(Decimal("8853839.23"),)]
    stock = hosted.ask(f"select sum(quantity_in_stock) from {layer}model_cars__products")
    assert stock == [(555131,)]
    orders = hosted.ask(
        "select min(order_date)::text, max(order_date)::text, count(*) - count(shipped_date) "
        f"from {layer}model_cars__orders"
    )
    assert orders == [("2003-01-06", "2005-05-31", 14)]


def test_staging_trims_what_the_database_pads(hosted: Hosted) -> None:
    # One customer's country is `Norway` with two blanks behind it, two are without.
    norway = "select count(*) from {} where country = 'Norway'"
    assert hosted.ask(norway.format("raw.model_cars__customers")) == [(1,)]
    assert hosted.ask(norway.format("staging.stg_model_cars__customers")) == [(3,)]


def test_order_lines_have_the_totals_of_the_databases(hosted: Hosted) -> None:
    rows = hosted.ask(
        "select source, channel, channel_type, count(*), count(distinct order_id), "
        "count(distinct product_id), sum(quantity), sum(despatched_quantity), sum(gross_amount), "
        "sum(net_amount), sum(discount_amount), sum(cost_amount) "
        "from marts.fct_order_lines group by all order by source"
    )
    assert rows == [
        (
            *("model_cars", "model_cars", "wholesale", 2996, 326, 109, 105516, 100115),
            *(Decimal("9604190.6100"), Decimal("9604190.6100"), Decimal("0.0000")),
            Decimal("5778310.3600"),
        ),
        # Northwind keeps no cost: an unknown one is not zero.
        (
            *("northwind", "northwind", "wholesale", 2155, 830, 77, 51317, 50119),
            *(Decimal("1265793.0395"), Decimal("1265793.0395"), Decimal("88665.5505")),
            None,
        ),
    ]


def test_orders_have_the_totals_of_the_databases(hosted: Hosted) -> None:
    rows = hosted.ask(
        "select source, count(*), count(distinct customer_id), sum(goods_amount), "
        "sum(postage_amount), sum(discount_amount), sum(total_amount), count(tax_amount) "
        "from marts.fct_orders group by all order by source"
    )
    assert rows == [
        (
            *("model_cars", 326, 98, Decimal("9604190.6100"), Decimal("0.0000")),
            *(Decimal("0.0000"), Decimal("9604190.6100"), 0),
        ),
        (
            *("northwind", 830, 89, Decimal("1265793.0395"), Decimal("64942.6900")),
            *(Decimal("88665.5505"), Decimal("1330735.7295"), 0),
        ),
    ]


def test_cancelled_orders_are_kept_and_are_no_sales(hosted: Hosted) -> None:
    rows = hosted.ask(
        "select order_state, is_sale, is_cancelled, count(*), sum(goods_amount) "
        "from marts.fct_orders where source = 'model_cars' group by all order by order_state"
    )
    # 303 shipped, 4 resolved and 3 disputed; 4 on hold and 6 in process.
    assert rows == [
        ("cancelled", False, True, 6, Decimal("238854.1800")),
        ("despatched", True, False, 310, Decimal("9060489.3000")),
        ("open", True, False, 10, Decimal("304847.1300")),
    ]
    sold = hosted.ask(
        "select sum(gross_amount) from marts.fct_order_lines "
        "where is_sale and source = 'model_cars'"
    )
    assert sold == [(Decimal("9604190.61") - Decimal("238854.18"),)] == [(Decimal("9365336.43"),)]


def test_an_order_that_did_not_ship_is_open(hosted: Hosted) -> None:
    rows = hosted.ask(
        "select order_state, count(*), count(despatched_at), bool_and(is_sale) "
        "from marts.fct_orders where source = 'northwind' group by all order by order_state"
    )
    assert rows == [("despatched", 809, 809, True), ("open", 21, 0, True)]


def test_days_are_the_ones_the_database_writes(hosted: Hosted) -> None:
    # 10248 is ordered 7/4/1996, needed 8/1/1996 and shipped 7/16/1996: the month comes first.
    rows = hosted.ask(
        "select order_date::text, ordered_at::text, despatched_at::text, despatch_by_at::text, "
        "customer_id, location_id, country, currency, goods_amount, postage_amount "
        "from marts.fct_orders where order_id = 'northwind-10248'"
    )
    assert rows == [
        (
            *("1996-07-04", "1996-07-04 00:00:00", "1996-07-16 00:00:00", "1996-08-01 00:00:00"),
            *("northwind-VINET", "NW", "France", "USD", Decimal("440.0000"), Decimal("32.3800")),
        )
    ]


def test_lines_are_numbered_from_one_without_a_gap(hosted: Hosted) -> None:
    rows = hosted.ask(
        "select source, bool_and(lines = last and first = 1) from ("
        "select source, order_id, count(distinct line_number) as lines, "
        "max(line_number) as last, min(line_number) as first "
        "from marts.fct_order_lines group by all) group by source order by source"
    )
    assert rows == [("model_cars", True), ("northwind", True)]


def test_products_customers_and_suppliers_are_known_by_their_own_keys(hosted: Hosted) -> None:
    products = hosted.ask(
        "select split_part(product_id, '-', 1) as source, count(*), count(category), "
        "count(supplier_id), count(unit_cost), sum(unit_price) "
        "from marts.dim_products group by source order by source"
    )
    assert [row[:5] for row in products] == [
        ("model_cars", 110, 110, 110, 110),
        ("northwind", 77, 77, 77, 0),
    ]
    customers = "select source, count(*), count(country) from marts.dim_customers group by 1"
    assert sorted(hosted.ask(customers)) == [("model_cars", 122, 122), ("northwind", 91, 91)]
    suppliers = hosted.ask(
        "select split_part(supplier_id, '-', 1) as source, count(*), min(supplier_name) "
        "from marts.dim_suppliers group by source order by source"
    )
    assert suppliers == [
        ("model_cars", 13, "Autoart Studio Design"),
        ("northwind", 29, "Aux joyeux ecclésiastiques"),
    ]


def test_model_cars_dates_that_an_order_was_placed_and_shipped(hosted: Hosted) -> None:
    rows = hosted.ask(
        "select sequence_number, order_state, source_status, count(*) "
        "from marts.fct_order_status_changes group by all order by 1"
    )
    assert rows == [(1, "open", "placed", 326), (2, "despatched", "Shipped", 312)]


def test_stock_opens_with_what_the_databases_state(hosted: Hosted) -> None:
    rows = hosted.ask(
        "select location_id, movement_date::text, count(*), sum(quantity_change) "
        "from transformed.stock_movements group by all order by 1"
    )
    assert rows == [
        ("MC-a", "2005-05-31", 25, 131688),
        ("MC-b", "2005-05-31", 38, 219183),
        ("MC-c", "2005-05-31", 24, 124880),
        ("MC-d", "2005-05-31", 23, 79380),
        ("NW", "1998-05-06", 77, 3119),
    ]
