"""What analysts get, from a whole run: measures that are the key figures, keys that fit, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import fastexcel
import pytest

from inventory_platform.assets.dbt_project import manifest_path
from inventory_platform.publishing.marts import read_marts
from inventory_platform.publishing.semantic_model import SemanticModel, read_model
from inventory_platform.settings import PROJECT_DIR
from tests.e2e.conftest import Platform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(platform: Platform) -> SemanticModel:
    manifest = json.loads(manifest_path(platform.settings).read_text(encoding="utf-8"))
    return read_model(PROJECT_DIR / "powerbi", read_marts(manifest))


@pytest.fixture(scope="module")
def published(platform: Platform) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = platform.settings.published_dir / "current"
    with duckdb.connect() as con:
        for path in sorted(folder.glob("*.parquet")):
            con.execute(f"create view {path.stem} as from '{path}'")
        yield con


def value(con: duckdb.DuckDBPyConnection, sql: str) -> object:
    ((found,),) = con.sql(sql).fetchall()
    return found


def test_measures_give_the_key_figures(
    model: SemanticModel, published: duckdb.DuckDBPyConnection
) -> None:
    compared = 0
    for measure in model.measures.values():
        sql = model.sql(measure)
        if sql is None:
            continue
        found = value(published, f"select {sql}")
        if not measure.equals:
            continue
        expected = value(published, measure.equals)
        compared += 1
        if measure.format in ("units", "day"):
            assert found == expected, measure.name
        else:
            # Key figures are rounded to the penny in each row.
            assert float(found) == pytest.approx(float(expected), rel=1e-4), measure.name
            assert found, measure.name
    assert compared >= 25


def test_orders_of_a_category_are_those_with_its_products(
    model: SemanticModel, published: duckdb.DuckDBPyConnection
) -> None:
    wanted = """
    select p.category, sum(l.gross_amount)::double / count(distinct l.order_id),
        (sum(l.quantity) filter (not l.is_service))::double / count(distinct l.order_id)
    from fct_order_lines as l
    inner join dim_products as p using (product_id)
    where l.is_sale and not l.is_resend
    group by all order by all"""
    categories = [row for row in published.sql(wanted).fetchall() if row[0]]
    assert len(categories) > 3
    measures = [model.measures[name] for name in ("Average order value", "Units an order")]
    said = ", ".join(str(model.sql(m, filtered_by="dim_products")) for m in measures)
    filtered = [r.table for r in model.relationships if r.dimension == "dim_products"]
    for category, *expected in categories:
        # As relationships do: what refers to no product is not filtered.
        views = ", ".join(
            f"{table} as (from main.{table} where product_id in"
            " (select product_id from dim_products where category = $category))"
            for table in filtered
        )
        found = published.execute(f"with {views} select {said}", {"category": category}).fetchall()
        assert found == [pytest.approx(tuple(expected))], category


def test_keys_of_dimensions_are_unique_for_a_reader_that_ignores_case_and_blanks_at_the_end(
    model: SemanticModel, published: duckdb.DuckDBPyConnection
) -> None:
    for table, key in model.keys.items():
        rows, keys = published.sql(
            f"select count(*), count(distinct rtrim(lower({key}::varchar))) from {table}"
        ).fetchall()[0]
        assert rows == keys > 0, table


def test_the_calendar_has_every_day(
    model: SemanticModel, published: duckdb.DuckDBPyConnection
) -> None:
    key = model.keys[model.calendar]
    first, last, days = published.sql(
        f"select min({key}), max({key}), count(*) from {model.calendar}"
    ).fetchall()[0]
    assert isinstance(first, date)
    assert (last - first).days + 1 == days


def test_published_files_have_the_columns_of_the_model(
    model: SemanticModel, published: duckdb.DuckDBPyConnection
) -> None:
    names = {"string": "VARCHAR"}
    for mart in model.tables.values():
        described = published.sql(f"describe {mart.name}").fetchall()
        assert [(name, kind) for name, kind, *_ in described] == [
            (name, names.get(c.data_type, c.data_type.upper())) for name, c in mart.columns.items()
        ], mart.name


def test_a_mart_goes_out_as_a_workbook_that_says_what_it_is(
    platform: Platform, published: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "orders.xlsx"
    said = platform.ok("export", "kpi_reorder_proposals", "--to", str(file))
    rows = value(published, "select count(*) from kpi_reorder_proposals")
    assert f"{rows:,} rows" in said
    book = fastexcel.read_excel(file)
    assert book.load_sheet("data").to_polars().height == rows
    about = dict(book.load_sheet("about", header_row=None).to_polars().rows())
    assert about["mart"] == "kpi_reorder_proposals"
    assert about["answers"].endswith("?")
    assert about["version"] == platform.published_version()
    assert about["order_quantity"].startswith("Units to order")
