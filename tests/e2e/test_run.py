"""What a newcomer sees: the run, its summary, the second run, and what can be asked after it."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from inventory_platform.warehouse import open_warehouse
from tests.e2e.conftest import Platform, copy_of

pytestmark = pytest.mark.slow

# What is planted on purpose, whatever the size (docs/sandbox.md). Of the 62 dirty rows of the
# database 45 must be quarantined, 11 are exact copies, and 6 are kept and warned about.
PLANTED_REJECTS = {
    "inventory_db": 45,
    "linnworks": 0,
    "iot_devices": 9,
    "shop_events": 3,
    "competitor_shop": 0,
    "pos_api": 6,
    "shop_files": 10,
    "northwind": 0,
    "model_cars": 0,
    "data_jobs": 0,
    "world_indicators": 0,
    "crm_sales": 0,
    "nvidia_prices": 0,
}
PLANTED_COPIES = 11


def test_the_first_run_ends_with_a_summary_of_every_table(platform: Platform) -> None:
    printed = (platform.data_dir / "first_run.txt").read_text()
    for table in ("products", "suppliers", "sales_transactions", "payments", "iot_device_logs"):
        assert re.search(rf"inventory_db\s+│\s+{table}\s", printed)
    for source in PLANTED_REJECTS:
        assert re.search(rf"│ {source}\s+│", printed)
    total = re.search(r"all\s+│\s+([\d,]+) │\s+([\d,]+) │\s+(\d+) │\s+([\d,]+) │\s+0 │", printed)
    assert total, printed
    read, loaded, rejected, known = (int(total[n].replace(",", "")) for n in (1, 2, 3, 4))
    assert rejected == sum(PLANTED_REJECTS.values())
    assert read == loaded + rejected + known
    assert "0 failed" in printed
    assert "make ui" in printed
    assert "published/current" in printed


def test_every_row_of_the_source_is_accounted_for_in_the_ledger(platform: Platform) -> None:
    state = json.loads(platform.ok("status", "--json"))
    assert state["ledger_holds"] is True
    rejected = dict.fromkeys(PLANTED_REJECTS, 0)
    for line in state["tables"]:
        rejected[line["source"]] += line["in_quarantine"]
    assert rejected == PLANTED_REJECTS
    lines = [line for line in state["tables"] if line["source"] == "inventory_db"]
    assert sum(line["last_load"]["rows_deduplicated"] for line in lines) == PLANTED_COPIES
    assert len(lines) == 11
    with closing(sqlite3.connect(platform.settings.sandbox_database)) as db:
        for line in lines:
            source_table = {
                "ecommerce_orders": "ECommerceOrders",
                "iot_device_logs": "IoTDeviceLogs",
            }.get(line["table"], line["table"].title().replace("_", ""))
            in_source = db.execute(f"select count(*) from {source_table}").fetchone()[0]
            assert line["last_load"]["rows_read"] == in_source, source_table


def test_mart_totals_are_those_of_the_source_computed_by_sqlite(platform: Platform) -> None:
    """SQLite computes the expected totals itself, leaving out the rows that are planted dirt."""
    with closing(sqlite3.connect(platform.settings.sandbox_database)) as db:
        expected = db.execute(
            "select count(distinct TransactionID), round(sum(TotalPrice), 2) from ("
            "select distinct * from SalesTransactions where typeof(QuantitySold) = 'integer' "
            "and QuantitySold > 0 and typeof(TotalPrice) in ('integer', 'real') "
            "and TotalPrice >= 0 and ProductID is not null "
            "and datetime(TransactionDate) is not null "
            "and TransactionDate not like '2026-02-30%')"
        ).fetchone()
    published = platform.rows(
        "select count(*), sum(gross_amount) from marts.fct_order_lines where channel = 'pos'"
    )
    assert (int(published[0][0]), float(published[0][1])) == expected


def test_stock_of_every_product_equals_what_the_old_system_states(platform: Platform) -> None:
    assert platform.rows(
        "select count(*) from (select product_id, max_by(closing_quantity, stock_date) as closing "
        "from marts.fct_stock_daily where location_id in ('NTH', 'STH', 'EST', 'CTR') group by 1) "
        "join marts.dim_products using (product_id) "
        "join raw.inventory_db__products as old using (product_name) "
        "where closing <> quantity_available"
    ) == [("0",)]


def test_the_summary_ends_with_the_three_orders_that_are_most_urgent(platform: Platform) -> None:
    printed = (platform.data_dir / "first_run.txt").read_text()
    said = re.findall(r"^  ([123])\. (.+)$", printed.partition("Order first:\n")[2], re.MULTILINE)
    proposed = platform.rows(
        "select urgency_rank, product_name, location_id, reason "
        "from marts.kpi_reorder_proposals where urgency_rank <= 3 order by urgency_rank"
    )
    assert [rank for rank, _ in said] == ["1", "2", "3"] == [row[0] for row in proposed]
    for (_, sentence), (_, *words) in zip(said, proposed, strict=True):
        assert all(word in sentence for word in words)


def test_stock_is_held_against_what_others_say_in_several_places(platform: Platform) -> None:
    assert platform.rows(
        "select count(distinct location_id) > 1, "
        "count(*) filter (likely_cause = 'none') = count(*) filter (difference = 0), "
        "count(*) filter (likely_cause <> 'none') > 0 "
        "from marts.fct_stock_reconciliation"
    ) == [("True", "True", "True")]


def test_a_second_run_in_a_folder_that_moved_loads_nothing_and_publishes_nothing(
    changed: Platform,
) -> None:
    version = changed.published_version()
    raw_files = sorted(p.name for p in changed.settings.lake_dir.glob("raw/**/*.parquet"))
    moved = replace(changed, data_dir=changed.data_dir.with_name("moved"))
    shutil.move(changed.data_dir, moved.data_dir)
    assert "Nothing new" in moved.ok("run")
    assert moved.published_version() == version
    assert sorted(p.name for p in moved.settings.lake_dir.glob("raw/**/*.parquet")) == raw_files
    assert json.loads(moved.ok("status", "--json"))["ledger_holds"] is True
    assert moved.rows("select count(*) from raw.inventory_db__suppliers") == [("12",)]
    assert moved.mart_contents()


def test_a_second_run_of_every_source_loads_nothing_either(
    platform: Platform, tmp_path: Path
) -> None:
    again = copy_of(platform, tmp_path)
    assert "Nothing new" in again.ok("run")
    assert again.published_version() == platform.published_version()


def test_a_destination_that_is_declared_later_is_given_what_is_published_and_once_only(
    changed: Platform, tmp_path: Path
) -> None:
    declared = tmp_path / "destinations.toml"
    declared.write_text(f'[destinations.copies]\naddress = "{tmp_path / "copies"}"\n')
    said = []
    for _ in range(2):
        result = changed.inventory("run", INVENTORY_DESTINATIONS_FILE=str(declared))
        assert result.returncode == 0, result.stdout + result.stderr
        said.append(result.stdout)
    assert all("Nothing new" in text for text in said)
    assert ["published/parquet/copies" in text for text in said] == [True, False]
    marts = len(list((changed.settings.published_dir / "current").glob("*.parquet")))
    assert len(list((tmp_path / "copies").rglob("*.parquet"))) == marts > 5


def test_changes_in_the_source_reach_the_marts_with_their_history(later: Platform) -> None:
    [(price, versions, customers, deleted, gross)] = later.rows(
        "select (select unit_price || ' ' || is_current from marts.dim_product_versions "
        "where product_id = 'inventory_db-7' order by valid_from_at desc limit 1), "
        "(select count(*) from marts.dim_product_versions where product_id = 'inventory_db-7'), "
        "(select count(*) from marts.dim_customers where customer_id = 'inventory_db-3'), "
        "(select count(*) from raw.inventory_db__customers "
        "where customer_id = 3 and _is_deleted), "
        "(select gross_amount from marts.fct_order_lines "
        "where order_id = 'inventory_db-pos-500001')"
    )
    assert (price, versions) == ("99.50 true", "2")
    assert (customers, deleted) == ("0", "1")
    assert gross == "199.0000"


def test_queries_answer_while_the_pipeline_holds_the_warehouse(platform: Platform) -> None:
    with open_warehouse(platform.settings):
        assert platform.rows("select count(*) > 0 from marts.fct_order_lines") == [("True",)]
        assert platform.rows("select count(*) from ops.loads where source = 'inventory_db'") == [
            ("11",)
        ]


def test_the_history_of_the_first_run_is_published_beside_the_marts(platform: Platform) -> None:
    [(statuses, loads, same, scores, steps)] = platform.rows(
        "select (select string_agg(distinct status) from ops.runs), "
        "(select count(*) from ops.load_history), "
        "(select count(*) from ops.load_history join ops.loads "
        "using (source, table_name, load_id)), "
        "(select min(score) > 0.3 and max(score) <= 1 from ops.quality_scores), "
        "(select count(*) from ops.steps where asset_group is null or seconds is null)"
    )
    assert (statuses, scores, steps) == ("success", "True", "0")
    assert int(loads) == int(same) > 40


def test_a_query_prints_a_table_csv_or_json(platform: Platform) -> None:
    sql = "select 1.5 as price, 'a,b' as name"
    assert platform.ok("query", sql, "--format", "csv") == 'price,name\n1.5,"a,b"\n'
    assert json.loads(platform.ok("query", sql, "--format", "json")) == [
        {"price": 1.5, "name": "a,b"}
    ]
    assert "a,b" in platform.ok("query", sql)


@pytest.mark.parametrize(
    "sql",
    [
        "create table x as select 1",
        "copy (select 1) to 'x.csv'",
        "select 1; select 2",
        "attach 'x.duckdb'",
        "from read_text('/etc/hostname')",
        "set memory_limit = '1GB'",
    ],
)
def test_a_statement_that_is_not_one_query_is_refused(platform: Platform, sql: str) -> None:
    result = platform.inventory("query", sql)
    assert result.returncode == 1
    assert "What to do" in result.stderr


def test_rejected_rows_can_be_listed_and_looked_at(platform: Platform) -> None:
    listed = platform.ok("quarantine", "list")
    assert "not_a_number" in listed
    assert "duplicate_key" in listed
    shown = platform.ok("quarantine", "show", "inventory_db__products")
    assert "UnitPrice: 'abc' is not a number" in shown
    result = platform.inventory("quarantine", "show", "nowhere__nothing")
    assert result.returncode == 1
    assert "inventory_db__products" in result.stderr
