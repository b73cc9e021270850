"""Big facts by month: what a run builds, what waits, and that what failed is not forgotten.

A small shop with one table, one big fact and one mart, built by dbt for real; the arithmetic of
months and parts without it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from asset_checks.completeness import check_late_data, missing_days
from inventory_platform.assets.build_state import (
    BuildState,
    Built,
    Months,
    read_build_state,
)
from inventory_platform.assets.dbt import build_dbt_assets
from inventory_platform.assets.dbt_graph import DbtGraph, Part, read_graph
from inventory_platform.assets.dbt_project import dbt_resource, prepare_manifest
from inventory_platform.assets.months import (
    Touched,
    Window,
    look_for_changes,
    month_keys,
    month_of,
    months_partitions,
    parse_window,
    window_to_build,
    with_touched,
)
from inventory_platform.automation.conditions import live
from inventory_platform.contracts.base import (
    Contract,
    Integer,
    TableContract,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.errors import InventoryError
from inventory_platform.registry import Registry
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.sources.catalog import Source
from inventory_platform.warehouse import Warehouse, open_warehouse
from tests.conftest import Shop

KEYS = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"]
FACT = dg.AssetKey(["marts", "fct_sales"])
MART = dg.AssetKey(["marts", "kpi_sales"])


class Sales(Contract):
    """What was sold; compared whole, so that old rows may come late, change and vanish."""

    sale_id: Integer = column("SaleID", "Identifies the sale.")
    amount: Integer = column("Amount", "Amount.")
    sold_at: Timestamp = column("SoldAt", "When it was sold.")

    class Config:
        metadata = table("Sales", key=["sale_id"])


_MODELS = {
    "transformed/sales": """
        {{ config(schema='transformed', materialized='view') }}
        select sale_id, amount, cast(sold_at as date) as sale_date,
            _load_id as last_load_id
        from {{ ref('stg_shop__sales') }}
    """,
    # An amount of 13 cannot be built, which is how a test makes a month fail.
    "marts/fct_sales": """
        {{ config(schema='marts', materialized='incremental', incremental_strategy='append',
            tags=['by_month'], pre_hook="{{ clear_months('sale_date') }}",
            meta={'months': {'relation': 'transformed.sales', 'date': 'sale_date',
                'key': 'sale_id'}}) }}
        select sale_id, sale_date,
            case when amount = 13 then cast(error('unlucky') as bigint) else amount end as amount
        from {{ ref('sales') }}
        where {{ in_months('sale_date') }}
    """,
    "marts/kpi_sales": """
        {{ config(schema='marts', materialized='table') }}
        select sum(amount) as amount from {{ ref('fct_sales') }}
    """,
}
_PROJECT = """
name: shop
profile: inventory
seed-paths: ["../seeds/reference"]
models:
  shop:
    staging:
      +schema: staging
"""


@dataclass(frozen=True)
class Business:
    """The shop's data folder, its platform, and what is asked of them."""

    shop: Shop
    registry: Registry
    sales: TableContract

    @property
    def keys(self) -> list[str]:
        return month_keys(self.registry.settings)

    @property
    def months(self) -> Months:
        return read_build_state(self.registry.settings).months

    def sell(self, *rows: tuple[int, int, str]) -> None:
        """Put sales into the source, over those of the same number, and load them."""
        for sale, amount, day in rows:
            self.shop.execute(f"delete from Sales where SaleID = {sale}")
            self.shop.execute(f"insert into Sales values ({sale}, {amount}, '{day} 10:00:00')")
        self.load()

    def load(self) -> None:
        self.registry.loader(self.registry.sources["shop"]).load(self.sales)

    def definitions(self) -> dg.Definitions:
        return dg.Definitions(
            assets=build_dbt_assets(self.registry, live([])),
            resources={"dbt": dbt_resource(self.registry.settings), "warehouse": Warehouse()},
            executor=dg.in_process_executor,
        )

    def build(self, window: Window | None, *keys: dg.AssetKey) -> bool:
        """Build everything, or the assets named; big facts for these months."""
        tags = {}
        if window:
            tags["dagster/asset_partition_range_start"] = window.first
            tags["dagster/asset_partition_range_end"] = window.last
        job = self.definitions().resolve_implicit_global_asset_job_def()
        with dg.DagsterInstance.get() as instance:
            return job.execute_in_process(
                instance=instance, tags=tags, asset_selection=list(keys) or None,
                raise_on_error=False,
            ).success  # fmt: skip

    def window(self) -> Window | None:
        """The months the next run would build."""
        graph = read_graph(self.registry.settings)
        return window_to_build(look_for_changes(self.registry, graph, self.months), self.keys)

    def ask(self, sql: str) -> list[Any]:
        with open_warehouse(self.registry.settings) as con:
            return con.execute(sql).fetchall()

    def status(self, month: str) -> str | None:
        partitions = months_partitions(self.registry.settings)
        with dg.DagsterInstance.get() as instance:
            found = instance.get_status_by_partition(FACT, self.keys, partitions)
        assert found is not None
        status = found[month]
        return status.value if status else None


def _business(folder: Path, dbt_dir: Path, extensions: Path) -> Business:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    if not (data / "duckdb_extensions").exists():
        (data / "duckdb_extensions").symlink_to(extensions)
    settings = Settings(
        data_dir=data, dbt_dir=dbt_dir, threads=1, history_start=date(2026, 1, 15), rebuild_months=3
    )
    sales = describe(Sales, "shop")
    source = Source("shop", f"sqlite:///{folder / 'shop.sqlite'}")
    registry = Registry(settings, {"shop": source}, {sales.relation: sales})
    return Business(Shop(folder, settings), registry, sales)


@pytest.fixture(scope="module")
def built(tmp_path_factory, extensions):
    """Six sales from January to June, all months built. Copy it, do not change it."""
    folder = tmp_path_factory.mktemp("months")
    dbt_dir = folder / "dbt_project"
    shutil.copytree(PROJECT_DIR / "dbt_project" / "macros", dbt_dir / "macros")
    shutil.copy(PROJECT_DIR / "dbt_project" / "profiles.yml", dbt_dir)
    (folder / "seeds" / "reference").mkdir(parents=True)
    (dbt_dir / "dbt_project.yml").write_text(_PROJECT)
    for name, sql in _MODELS.items():
        path = dbt_dir / "models" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sql)
    business = _business(folder, dbt_dir, extensions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / "data"))
        rows = [(n, n, f"2026-0{n}-10 10:00:00") for n in range(1, 7)]
        columns = {"SaleID": "INTEGER", "Amount": "INTEGER", "SoldAt": "TIMESTAMP"}
        business.shop.write("Sales", [(0, 100, "2025-07-01 10:00:00"), *rows], columns)
        business.load()
        prepare_manifest(business.registry)
        window = business.window()
        assert window is not None
        assert window.is_all
        assert business.build(window)
    return business


@pytest.fixture
def business(built, tmp_path, extensions, monkeypatch):
    """A copy that a test may change."""
    shutil.copytree(built.shop.folder / "data", tmp_path / "data", symlinks=True)
    shutil.copy(built.shop.database, tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "data"))
    return _business(tmp_path, built.registry.settings.dbt_dir, extensions)


def total(business: Business) -> list[Any]:
    return business.ask("select amount from marts.kpi_sales")


@pytest.mark.slow
def test_the_first_build_holds_all_months_and_everything_earlier(business):
    assert total(business) == [(121,)]
    assert business.window() is None
    assert business.months.broken == business.months.due == ()
    assert {business.status(key) for key in business.keys} == {"MATERIALIZED"}
    assert read_build_state(business.registry.settings).problem(set(Part)) is None


@pytest.mark.slow
def test_new_rows_build_their_months_and_later_ones_and_twice_is_once(business):
    business.sell((7, 1000, "2026-05-20"))
    window = business.window()
    assert window is not None
    assert (window.first, window.last) == ("2026-05-01", business.keys[-1])
    assert business.build(window)
    assert total(business) == [(1121,)]
    assert business.build(window)
    assert total(business) == [(1121,)]
    assert business.window() is None


@pytest.mark.slow
def test_a_row_that_moved_leaves_the_month_it_was_in(business):
    business.sell((4, 4, "2026-06-20"))
    window = business.window()
    assert window is not None
    assert window.first == "2026-04-01"
    assert business.build(window)
    assert total(business) == [(121,)]
    assert business.ask("select count(*) from marts.fct_sales where sale_id = 4") == [(1,)]


@pytest.mark.slow
def test_rows_too_late_wait_visibly_until_their_month_is_asked_for(business):
    business.sell((8, 500, "2026-02-02"), (9, 50, "2026-06-02"))
    window = business.window()
    assert window is not None
    assert window.first == "2026-06-01"
    assert business.build(window)
    assert total(business) == [(171,)]
    business.sell((10, 1, "2026-06-03"))
    assert business.build(business.window())
    assert business.months.late == {"2026-02-01": 1}
    with open_warehouse(business.registry.settings) as con:
        verdict = check_late_data(con, business.registry.settings)
    assert not verdict.passed
    assert verdict.warn
    assert verdict.summary == (
        "1 rows came late, for 2026-02. Build these months: inventory backfill --from 2026-02"
    )
    assert business.build(parse_window(business.registry.settings, "2026-02", None))
    assert total(business) == [(672,)]
    assert business.months.late == {}


@pytest.mark.slow
def test_a_month_that_failed_stays_missing_until_it_is_built(business):
    business.sell((5, 13, "2026-05-11"))
    assert not business.build(business.window())
    assert business.status("2026-05-01") == "FAILED"
    state = read_build_state(business.registry.settings)
    assert "2026-05" in (state.problem(set(Part)) or "")

    elsewhere = parse_window(business.registry.settings, "2026-02", "2026-03")
    assert business.build(elsewhere, FACT), "other months are built"
    assert business.status("2026-03-01") == "MATERIALIZED"
    assert business.status("2026-05-01") == "FAILED"
    assert "2026-05-01" in business.months.broken
    assert business.ask("select amount from marts.fct_sales where sale_id = 5") == [(5,)], (
        "the last good rows of the month stay"
    )

    business.sell((5, 14, "2026-05-12"))
    window = business.window()
    assert window is not None
    assert window.first == "2026-05-01"
    assert business.build(window)
    assert business.status("2026-05-01") == "MATERIALIZED"
    assert total(business) == [(130,)]
    assert read_build_state(business.registry.settings).problem(set(Part)) is None


@pytest.mark.slow
def test_another_way_of_making_facts_builds_all_months(business, tmp_path):
    settings = business.registry.settings
    shutil.copytree(settings.dbt_dir, tmp_path / "dbt_project")
    (tmp_path / "seeds" / "reference").mkdir(parents=True)
    other = replace(
        business,
        registry=replace(
            business.registry,
            settings=settings.model_copy(update={"dbt_dir": tmp_path / "dbt_project"}),
        ),
    )
    prepare_manifest(other.registry)
    assert other.window() is None
    model = tmp_path / "dbt_project" / "models" / "transformed" / "sales.sql"
    model.write_text(model.read_text().replace("amount,", "amount + 1 as amount,"))
    prepare_manifest(other.registry)
    window = other.window()
    assert window is not None
    assert window.is_all


def test_a_window_has_no_bound_where_the_first_or_the_newest_month_is_in():
    assert Window(KEYS, KEYS[0], KEYS[5]).environment() == {
        "INVENTORY_DAYS_FROM": "",
        "INVENTORY_DAYS_BEFORE": "",
    }
    assert Window(KEYS, KEYS[1], KEYS[2]).environment() == {
        "INVENTORY_DAYS_FROM": "2026-02-01",
        "INVENTORY_DAYS_BEFORE": "2026-04-01",
    }


def test_a_day_outside_belongs_to_the_first_or_the_last_month():
    assert month_of(date(2020, 2, 29), KEYS) == "2026-01-01"
    assert month_of(date(2026, 3, 31), KEYS) == "2026-03-01"
    assert month_of(date(2999, 12, 31), KEYS) == "2026-06-01"


def test_months_are_due_while_they_are_new_and_late_when_they_are_old():
    touched = {"2026-01-01": Touched(new=2, gone=1), "2026-04-01": Touched(new=1)}
    months = with_touched(Months(), touched, "2026-05-01", KEYS, 2)
    assert (months.due, months.late) == (("2026-04-01",), {"2026-01-01": 3})
    assert window_to_build(months, KEYS) == Window(KEYS, "2026-04-01", "2026-06-01")
    again = with_touched(months, {"2026-01-01": Touched(gone=1)}, "2026-05-01", KEYS, 2)
    assert again.late == {"2026-01-01": 3}, "what is gone is not counted again and again"


def test_a_month_that_does_not_exist_cannot_be_asked_for(shop):
    with pytest.raises(InventoryError, match=r"no months from 2020-01 to the newest"):
        parse_window(shop.settings, "2020-01", None)
    with pytest.raises(InventoryError, match=r"the earlier one first"):
        parse_window(shop.settings, "2026-02", "2026-01")


def test_nothing_is_published_unless_every_part_is_built_from_the_others():
    good = BuildState(
        models=Built(True, "a"), facts=Built(True, "b"), marts=Built(True, "c"),
        marts_made_of=("a", "b"),
    )  # fmt: skip
    assert good.problem(set(Part)) is None
    for broken in (
        replace(good, models=Built(False, "a")),
        replace(good, marts=Built()),
        replace(good, months=Months(broken=("2026-02-01",))),
        replace(good, models=Built(True, "d")),
        replace(good, facts=Built(True, "d")),
    ):
        assert broken.problem(set(Part))
    assert BuildState(models=Built(True, "a")).problem({Part.models}) is None


def node(name: str, *above: str, tags: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    kind = name.split(".")[0]
    return {
        "resource_type": kind, "name": name.split(".")[1], "schema": "marts", "tags": list(tags),
        "depends_on": {"nodes": list(above)}, "config": {"materialized": "table", "meta": {}},
        **more,
    }  # fmt: skip


def graph(*nodes: dict[str, Any]) -> DbtGraph:
    named = {f"{n['resource_type']}.{n['name']}": n for n in nodes}
    sources = {"source.forecasts": {"source_name": "planning", "name": "forecasts"}}
    children: dict[str, list[str]] = {}
    for name, its in named.items():
        for above in its["depends_on"]["nodes"]:
            children.setdefault(above, []).append(name)
    return DbtGraph({"nodes": named, "sources": sources, "child_map": children, "parent_map": {}})


def test_models_are_built_before_facts_and_what_is_made_of_facts_or_plans_after_them():
    parts = graph(
        node("seed.codes"),
        node("model.orders", "seed.codes"),
        node("model.fact", "model.orders", tags=("by_month",)),
        node("model.sums", "model.fact"),
        node("model.plan", "source.forecasts"),
    ).parts
    assert parts == {
        "seed.codes": Part.models,
        "model.orders": Part.models,
        "model.fact": Part.facts,
        "model.sums": Part.marts,
        "model.plan": Part.marts,
    }


def test_a_model_waits_for_what_its_tests_read_and_tests_wait_for_all_they_read():
    found = graph(
        node("model.orders"),
        node("model.days"),
        node("model.fact", "model.orders", tags=("by_month",)),
        node("model.payments", "model.orders"),
        node("test.of_payments", "model.payments", "model.fact", attached_node="model.payments"),
        node("test.of_fact", "model.fact", "model.days", attached_node="model.fact"),
    )
    assert found.parts["model.payments"] is Part.marts
    assert found.selection(Part.models) == ("fqn:*", "fact payments of_fact of_payments")
    assert found.selection(Part.facts) == ("fact", "of_payments")
    assert found.selection(Part.marts) == ("payments", "")


def test_a_fact_made_of_what_is_built_after_facts_is_refused():
    with pytest.raises(InventoryError, match="made of between"):
        _ = graph(
            node("model.fact", tags=("by_month",)),
            node("model.between", "model.fact"),
            node("model.second", "model.between", tags=("by_month",)),
        ).parts


def test_a_day_without_rows_is_missing_where_its_weekday_usually_has_some():
    monday = date(2026, 6, 1)
    days = {monday.replace(day=1 + n): 5 for n in range(28)}
    closed = {day for day in days if day.weekday() == 6}
    rows = {day: n for day, n in days.items() if day not in closed}
    assert missing_days(rows, fewest_rows=3, fewest_weeks=3) == []
    del rows[date(2026, 6, 10)]
    assert missing_days(rows, fewest_rows=3, fewest_weeks=3) == [date(2026, 6, 10)]
    assert missing_days(rows, fewest_rows=6, fewest_weeks=3) == [], "too few to miss one"
    assert missing_days(rows, fewest_rows=3, fewest_weeks=4) == [], "too short to be usual"
    assert missing_days({}, fewest_rows=1, fewest_weeks=1) == []
