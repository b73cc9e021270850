"""Promise 6: every number leads back to load, file and code version."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest

from inventory_platform.code_version import code_version
from inventory_platform.publishing.parquet import current_publication
from tests.e2e.conftest import Platform

pytestmark = pytest.mark.slow


def test_every_row_of_a_published_mart_names_a_load_of_the_ledger(platform: Platform) -> None:
    named = "select table_name from information_schema.columns where table_schema = 'marts' "
    marts = [mart for (mart,) in platform.rows(named + "and column_name = 'last_load_id'")]
    assert {"fct_order_lines", "fct_orders", "fct_stock_movements", "fct_returns"} <= set(marts)
    rows = " union all ".join(
        f"select '{mart}' as mart, last_load_id from marts.{mart}" for mart in marts
    )
    lost = f"from ({rows}) r anti join ops.loads l on r.last_load_id = l.load_id"
    assert platform.rows(f"select mart, count(*) {lost} group by mart") == []


def test_every_load_names_its_code_and_the_file_that_holds_its_rows(platform: Platform) -> None:
    loads = platform.rows("select code_version, rows_loaded, raw_file from ops.loads")
    assert {code for code, _, _ in loads} == {code_version()}
    lake = platform.settings.lake_dir
    assert all((lake / file).is_file() for _, rows, file in loads if int(rows))


def test_the_published_version_names_its_run_its_loads_and_its_code(platform: Platform) -> None:
    published = current_publication(platform.settings.published_dir)
    assert published is not None
    _, manifest = published
    assert manifest.code_version == code_version()
    newest = platform.rows(
        "select source || '__' || table_name, max(load_id) from ops.loads group by all"
    )
    assert manifest.loads == dict(newest)
    runs = {run for (run,) in platform.rows("select run_id from ops.runs")}
    assert manifest.run_id in runs


def test_an_amount_leads_back_to_the_lines_of_the_file_it_came_with(platform: Platform) -> None:
    ((amount, load_id),) = platform.rows(
        "select goods_amount, last_load_id from marts.fct_orders where order_id = "
        "'shop_files-W-70001'"
    )
    ((file,),) = platform.rows(
        "select distinct _origin from raw.shop_files__orders "
        f"where order_no = 'W-70001' and _load_id = '{load_id}'"
    )
    text = (platform.settings.sandbox_drop / file).read_text(encoding="cp1252")
    lines = csv.DictReader(text.splitlines(), delimiter=";")
    totals = [row["Total"] for row in lines if row["OrderNo"] == "W-70001"]
    written = sum(Decimal(t.replace(".", "").replace(",", ".")) for t in totals)
    assert Decimal(amount) == written > 0
