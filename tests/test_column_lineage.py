"""What columns are made of: found by hand for a few, held whole for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inventory_platform.assets.column_lineage import (
    ColumnLineage,
    find_column_lineage,
    read_column_lineage,
)
from inventory_platform.assets.dbt import column_lineage, column_schema
from inventory_platform.assets.dbt_project import manifest_path, prepare_manifest
from inventory_platform.contracts.base import contracts_of
from inventory_platform.operations.source_mapping import mapping_page
from inventory_platform.registry import read_registry
from inventory_platform.settings import PROJECT_DIR, Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(data_dir=tmp_path_factory.mktemp("data"))
    prepare_manifest(read_registry(made))
    return made


@pytest.fixture(scope="module")
def lineage(settings: Settings) -> ColumnLineage:
    return read_column_lineage(settings)


def node(
    name: str, sql: str = "", *, schema: str = "marts", reads: tuple[str, ...] = (), **more: Any
) -> tuple[str, dict[str, Any]]:
    """A node of a manifest, as far as columns are concerned."""
    kind = more.get("resource_type", "model")
    return f"{kind}.shop.{name}", {
        "name": name,
        "schema": schema,
        "resource_type": kind,
        "raw_code": sql,
        "columns": {},
        "depends_on": {"nodes": list(reads)},
        **more,
    }


def manifest(*models: tuple[str, dict[str, Any]], macros: dict[str, str] | None = None) -> Any:
    """A project of one raw table and some models."""
    name, orders = node("orders", schema="raw", resource_type="source", source_name="shop")
    orders |= {"identifier": "shop__orders", "columns": {"id": {}, "price": {}, "sku": {}}}
    return {
        "metadata": {"project_name": "shop"},
        "nodes": dict(models),
        "sources": {name: orders},
        "macros": {
            f"macro.shop.{n}": {"name": n, "macro_sql": text, "package_name": "shop"}
            for n, text in (macros or {}).items()
        },
    }


ORDERS = "source.shop.orders"
STAGED = node(
    "stg_orders",
    "select id as order_id, price, sku, _load_id from {{ source('shop', 'orders') }}",
    schema="staging",
    reads=(ORDERS,),
)


# -- the project ---------------------------------------------------------------------------------


def test_every_model_of_the_project_can_be_followed(lineage: ColumnLineage) -> None:
    assert lineage.problems == {}


def test_every_declared_column_of_a_model_is_found(
    settings: Settings, lineage: ColumnLineage
) -> None:
    nodes = json.loads(manifest_path(settings).read_text())["nodes"].values()
    declared = {
        f"{n['schema']}.{n['name']}": set(n["columns"])
        for n in nodes
        if n["resource_type"] == "model"
    }
    assert declared
    assert {model: set(columns) for model, columns in lineage.made_of.items()} == declared


def test_the_amount_of_a_line_leads_to_the_columns_of_every_source(lineage: ColumnLineage) -> None:
    assert lineage.made_of["marts.fct_order_lines"]["gross_amount"] == (
        ("transformed.order_lines", "gross_amount"),
    )
    # As the staging and transformed models of these sources were read by a person.
    expected = {
        ("raw.inventory_db__sales_transactions", "total_price"),
        ("raw.inventory_db__ecommerce_orders", "total_price"),
        ("raw.linnworks__processed_order_items", "line_total"),
        ("raw.linnworks__open_order_items", "line_total"),
        ("raw.model_cars__order_details", "price_each"),
        ("raw.model_cars__order_details", "quantity_ordered"),
        ("raw.northwind__order_details", "unit_price"),
        ("raw.northwind__order_details", "quantity"),
        ("raw.northwind__order_details", "discount"),
        ("raw.pos_api__receipt_lines", "unit_price"),
        ("raw.pos_api__receipt_lines", "quantity"),
        ("raw.pos_api__receipt_lines", "discount"),
        ("raw.shop_events__order_events", "total_amount"),
        ("raw.shop_files__orders", "total"),
    }
    assert lineage.origins("marts.fct_order_lines", "gross_amount") >= expected


def test_a_channels_name_leads_to_the_reference_data(lineage: ColumnLineage) -> None:
    assert lineage.origins("marts.dim_channels", "channel") == {
        ("reference.sales_channels", "channel")
    }


def test_a_forecast_ends_at_the_table_that_is_made_in_python(lineage: ColumnLineage) -> None:
    origins = lineage.origins("marts.kpi_forecast_methods", "skill")
    assert origins
    assert {relation.partition(".")[0] for relation, _ in origins} == {"planning"}


def test_columns_of_marts_that_are_made_of_none_are_counts_and_constants(
    lineage: ColumnLineage,
) -> None:
    found = {
        f"{mart.removeprefix('marts.')}.{column}"
        for mart, columns in lineage.made_of.items()
        for column, inputs in columns.items()
        if mart.startswith("marts.") and not inputs
    }
    assert found == {
        "fct_competitor_prices.observed_in",
        "fct_live_stock.events",
        "fct_live_stock_windows.events",
        "fct_orders.line_count",
        "kpi_customer_retention.customer_count",
        "kpi_customer_retention.order_count",
        "kpi_customers.order_count",
        "kpi_job_salaries.salaries",
        "kpi_order_service.order_count",
        "kpi_price_index_daily.competitor_prices",
        "kpi_price_position.competitors",
        "kpi_products.window_days",
        "kpi_repeat_rate.order_count",
        "kpi_sales_daily.line_count",
        "kpi_sales_periods.period_type",
        "kpi_stock_daily_totals.products",
        "kpi_stock_products.recorded_days_365",
        "kpi_supplier_prices.versions",
        "kpi_suppliers.compared_products",
        "kpi_suppliers.purchase_orders",
        "kpi_web_funnel.step",
        "kpi_web_funnel.step_number",
        "kpi_web_sessions_daily.session_count",
    }


def test_columns_of_marts_that_end_in_no_column_are_what_models_say_themselves(
    lineage: ColumnLineage,
) -> None:
    found = {
        column
        for mart, columns in lineage.made_of.items()
        for column, inputs in columns.items()
        if mart.startswith("marts.") and inputs and not lineage.origins(mart, column)
    }
    names = {"source", "source_table", "linked_table", "observed_in", "rule", "subject"}
    counts = {"event_count", "events_per_session", "bounced_session_count", "bounce_rate"}
    assert found == names | counts | {"postage_cost_amount"}


def test_the_mapping_page_of_linnworks_is_what_is_generated_now(lineage: ColumnLineage) -> None:
    page = PROJECT_DIR / "docs" / "linnworks-mapping.md"
    generated = mapping_page(contracts_of("linnworks"), lineage, "Linnworks")
    assert page.read_text(encoding="utf-8") == generated, "write it anew: make update-snapshots"


def test_what_was_found_is_kept_beside_the_manifest_and_read_from_there(
    settings: Settings, lineage: ColumnLineage, tmp_path: Path
) -> None:
    copy = Settings(data_dir=tmp_path, dbt_dir=tmp_path / "dbt_project")
    target = manifest_path(copy)
    target.parent.mkdir(parents=True)
    kept = manifest_path(settings).with_name("column_lineage.json")
    content = json.loads(kept.read_text())
    content["problems"] = {"marts.told": "by the file"}
    target.write_bytes(manifest_path(settings).read_bytes())
    target.with_name(kept.name).write_text(json.dumps(content))
    read = read_column_lineage(copy)
    assert read.problems == {"marts.told": "by the file"}
    assert read.made_of == lineage.made_of


# -- any project ---------------------------------------------------------------------------------


def test_unions_aliases_and_subqueries_are_followed() -> None:
    found = find_column_lineage(
        manifest(
            STAGED,
            node(
                "prices",
                "with s as (select * from {{ ref('stg_orders') }}) "
                "select order_id, price * 2 as amount, (select max(sku) from s) as best from s "
                "union all select 0, price, 'none' from s",
                reads=("model.shop.stg_orders",),
            ),
        )
    )
    assert found.made_of["marts.prices"] == {
        "order_id": (("staging.stg_orders", "order_id"),),
        "amount": (("staging.stg_orders", "price"),),
        "best": (("staging.stg_orders", "sku"),),
    }
    assert found.origins("marts.prices", "order_id") == {("raw.shop__orders", "id")}


def test_rows_a_model_had_before_are_no_origin_of_its_columns() -> None:
    found = find_column_lineage(
        manifest(
            STAGED,
            node(
                "book",
                "select price from {{ ref('stg_orders') }} union all select price from {{ this }}",
                reads=("model.shop.stg_orders",),
                columns={"price": {}},
            ),
        )
    )
    assert found.problems == {}
    assert found.made_of["marts.book"] == {"price": (("staging.stg_orders", "price"),)}


def test_the_projects_macros_are_followed() -> None:
    cents = "{% macro cents(name) %}cast({{ name }} * 100 as bigint){% endmacro %}"
    found = find_column_lineage(
        manifest(
            node(
                "m",
                "select {{ cents('price') }} as c from {{ source('shop', 'orders') }}",
                reads=(ORDERS,),
            ),
            macros={"cents": cents},
        )
    )
    assert found.made_of["marts.m"] == {"c": (("raw.shop__orders", "price"),)}


@pytest.mark.parametrize("sql", ["select from where", "{{ unknown_macro() }}", "{% broken"])
def test_a_model_that_cannot_be_followed_is_named_and_the_others_are_followed(sql: str) -> None:
    bad = node("bad", sql, reads=(ORDERS,), columns={"x": {}})
    after = node("after", "select x from {{ ref('bad') }}", reads=("model.shop.bad",))
    found = find_column_lineage(manifest(STAGED, bad, after))
    assert list(found.problems) == ["marts.bad"]
    assert found.problems["marts.bad"]
    assert found.made_of["staging.stg_orders"]["price"] == (("raw.shop__orders", "price"),)
    assert found.origins("marts.after", "x") == {("marts.bad", "x")}


def test_the_mapping_page_follows_columns_to_the_marts() -> None:
    vendors = {"supplier_id": {}, "supplier_name": {}, "email": {}}
    name, source = node("suppliers", schema="raw", resource_type="source", source_name="linnworks")
    source |= {"identifier": "linnworks__suppliers", "columns": vendors}
    project = manifest(
        node(
            "dim_vendors",
            "select supplier_id, supplier_id || trim(supplier_name) as label "
            "from {{ source('linnworks', 'suppliers') }}",
            reads=(name,),
        )
    )
    project["sources"] = {name: source}
    contracts = {"suppliers": contracts_of("linnworks")["suppliers"]}
    page = mapping_page(contracts, find_column_lineage(project), "Linnworks")
    assert (
        "| `pkSupplierID` | `supplier_id` | varchar | `dim_vendors.supplier_id`<br>"
        "`dim_vendors.label` |" in page
    )
    assert "| `SupplierName` | `supplier_name` | varchar | `dim_vendors.label` |" in page
    assert "| `Email` | `email` 🔒 | varchar |  |" in page


# -- on the graph --------------------------------------------------------------------------------


def test_dagster_is_told_columns_with_type_meaning_and_origin(lineage: ColumnLineage) -> None:
    schema = column_schema({"channel": "VARCHAR", "extra": "DATE"}, {"channel": "Name."})
    assert [(c.name, c.type, c.description) for c in schema.columns] == [
        ("channel", "VARCHAR", "Name."),
        ("extra", "DATE", None),
    ]
    told = column_lineage(lineage, "marts.dim_channels").deps_by_column["channel"]
    assert [(d.asset_key.to_user_string(), d.column_name) for d in told] == [
        ("reference/sales_channels", "channel")
    ]
