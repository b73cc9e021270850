"""Big facts by month: what a run builds, what waits, and that what failed is not forgotten.

A small shop with one table, built by dbt for real: the project's own stock facts with their tests,
a fact that can fail, and a mart. One story, because every start of dbt takes seconds; the
arithmetic of months and parts without it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from asset_checks.base import Verdict
from asset_checks.completeness import check_late_data, missing_days
from asset_checks.stock import check_identity
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
    month_keys,
    month_of,
    months_partitions,
    next_window,
    parse_window,
    window_to_build,
    with_broken,
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
from inventory_platform.warehouse import open_warehouse, warehouse_resource
from tests.conftest import Shop

KEYS = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"]
SALES = dg.AssetKey(["marts", "fct_sales"])
STOCK = (dg.AssetKey(["marts", "fct_stock_movements"]), dg.AssetKey(["marts", "fct_stock_daily"]))
FACTS = (SALES, *STOCK)


class Sales(Contract):
    """What was sold; compared whole, so that old rows may come late, change and vanish."""

    sale_id: Integer = column("SaleID", "Identifies the sale.")
    amount: Integer = column("Amount", "Amount.")
    sold_at: Timestamp = column("SoldAt", "When it was sold.")

    class Config:
        metadata = table("Sales", key=["sale_id"])


_FILES = {
    "models/transformed/sales.sql": """
        {{ config(schema='transformed', materialized='table') }}
        select sale_id, amount, cast(sold_at as date) as sale_date,
            _load_id as last_load_id
        from {{ ref('stg_shop__sales') }}
    """,
    "models/transformed/stock_movements.sql": """
        {{ config(schema='transformed', materialized='table') }}
        select cast(sale_id as string) as movement_id, 'N' as location_id,
            -- A source that gives its only product another number.
            case when (select max(sale_id) from {{ ref('sales') }}) < 9 then 'A' else 'B' end
                as product_id,
            cast(sale_date as timestamp) as moved_at, sale_date as movement_date,
            'receipt' as movement_type, '' as reason, amount as quantity_change,
            amount as quantity, 'in' as direction, 'shop' as source, 'sales' as source_table,
            sale_id as source_id, null as order_line_id, last_load_id
        from {{ ref('sales') }}
    """,
    "models/transformed/business_days.sql": """
        {{ config(schema='transformed', materialized='view') }}
        select cast(range as date) as date_day
        from range(date '2025-07-01', date '2026-07-01', interval 1 day)
    """,
    "models/transformed/products.sql": """
        {{ config(schema='transformed', materialized='view') }}
        select 'A' as product_id, 1 as unit_cost, 2 as unit_price
    """,
    # An amount of 13 cannot be built, which is how a test makes a month fail.
    "models/marts/fct_sales.sql": """
        {{ config(schema='marts', materialized='incremental', incremental_strategy='append',
            tags=['by_month'], pre_hook="{{ clear_months('sale_date') }}",
            meta={'months': {'relation': 'transformed.sales', 'date': 'sale_date',
                'key': 'sale_id'}}) }}
        select sale_id, sale_date,
            case when amount = 13 then cast(error('unlucky') as bigint) else amount end as amount
        from {{ ref('sales') }}
        where {{ in_months('sale_date') }} and {{ in_no_other_month('sale_id') }}
    """,
    "models/marts/kpi_sales.sql": """
        {{ config(schema='marts', materialized='table') }}
        select sum(amount) as amount from {{ ref('fct_sales') }}
    """,
    # Touches a fact, and can only run after what is made of it.
    "tests/assert_kpi_sales_is_all_sales.sql": """
        select amount from {{ ref('kpi_sales') }}
        where amount <> (select sum(amount) from {{ ref('fct_sales') }})
    """,
}
_COPIED = (
    "models/marts/stock/fct_stock_movements.sql",
    "models/marts/stock/fct_stock_daily.sql",
    "tests/assert_stock_continues.sql",
    "tests/assert_stock_covers_every_day.sql",
    "tests/assert_stock_equals_movements.sql",
    "tests/assert_stock_movements_are_complete.sql",
)
_PROJECT = """
name: shop
profile: inventory
seed-paths: ["../seeds/reference"]
models:
  shop:
    staging:
      +schema: staging
    marts:
      +schema: marts
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
            resources={
                "dbt": dbt_resource(self.registry.settings),
                "warehouse": warehouse_resource(self.registry.settings),
            },
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
        return next_window(self.registry, read_graph(self.registry.settings))

    def ask(self, sql: str) -> list[Any]:
        with open_warehouse(self.registry.settings) as con:
            return con.execute(sql).fetchall()

    def status(self, month: str) -> str | None:
        partitions = months_partitions(self.registry.settings)
        with dg.DagsterInstance.get() as instance:
            found = instance.get_status_by_partition(SALES, self.keys, partitions)
        assert found is not None
        status = found[month]
        return status.value if status else None

    def see(self, window: Window | None, succeeded: bool) -> Seen:
        """What there is after a build."""
        with open_warehouse(self.registry.settings) as con:
            late, identity = check_late_data(con, self.registry.settings), check_identity(con)
        return Seen(
            window=window,
            succeeded=succeeded,
            sales={n: (of, on.isoformat()) for n, of, on in self.ask(
                "select sale_id, amount, sale_date from marts.fct_sales"
            )},
            moved=self.ask("select sum(quantity_change) from marts.fct_stock_movements")[0][0],
            closing=self.ask(
                "select closing_quantity from marts.fct_stock_daily where stock_date = '2026-06-30'"
            )[0][0],
            products={name for (name,) in self.ask("select product_id from marts.fct_stock_daily")},
            published=self.ask("select amount from marts.kpi_sales")[0][0],
            status={key: self.status(key) for key in self.keys},
            months=self.months,
            problem=read_build_state(self.registry.settings).problem(set(Part)),
            next=self.window(),
            late=late,
            identity=identity,
        )  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What a build left behind.

    Attributes:
        window: The months it was asked for.
        succeeded: Whether every model was built and every test passed.
        sales: Number of a sale in the fact → its amount and day; none is there twice.
        moved: All stock movements of the fact together.
        closing: Stock at the end of the last day.
        products: Whose stock there is on any day.
        published: What the mart says.
        status: The months' state in Dagster.
        months: What is known of them.
        problem: Why nothing may be published.
        next: The months the next run would build.
        late: The check of the months that wait.
        identity: The check that stock adds up.
    """

    window: Window | None
    succeeded: bool
    sales: dict[int, tuple[int, str]]
    moved: int
    closing: int
    products: set[str]
    published: int
    status: dict[str, str | None]
    months: Months
    problem: str | None
    next: Window | None
    late: Verdict
    identity: Verdict


@dataclass(frozen=True)
class Story:
    """What was seen after each build, one after another."""

    first: Seen
    with_late_rows: Seen
    backfilled: Seen
    failed: Seen
    elsewhere: Seen
    mended: Seen
    renamed: Seen
    by_other_models: Window | None


def _shop(folder: Path, extensions: Path) -> Business:
    data, dbt_dir = folder / "data", folder / "dbt_project"
    data.mkdir()
    (data / "duckdb_extensions").symlink_to(extensions)
    for name in ("macros", "tests/generic"):
        shutil.copytree(PROJECT_DIR / "dbt_project" / name, dbt_dir / name)
    shutil.copy(PROJECT_DIR / "dbt_project" / "profiles.yml", dbt_dir)
    (folder / "seeds" / "reference").mkdir(parents=True)
    (dbt_dir / "dbt_project.yml").write_text(_PROJECT)
    for name in _COPIED:
        (dbt_dir / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_DIR / "dbt_project" / name, dbt_dir / name)
    for name, sql in _FILES.items():
        (dbt_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (dbt_dir / name).write_text(sql)
    settings = Settings(
        data_dir=data, dbt_dir=dbt_dir, threads=1, history_start=date(2026, 1, 15), rebuild_months=3
    )
    sales = describe(Sales, "shop")
    source = Source("shop", f"sqlite:///{folder / 'shop.sqlite'}")
    registry = Registry(settings, {"shop": source}, {sales.relation: sales})
    return Business(Shop(folder, settings), registry, sales)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, extensions: Path) -> Story:
    """A shop with a sale in each month from January to June, and what happens to it."""
    business = _shop(tmp_path_factory.mktemp("months"), extensions)
    settings = business.registry.settings

    def build(window: Window | None, *keys: dg.AssetKey) -> Seen:
        return business.see(window, business.build(window, *keys))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(settings.data_dir))
        rows = [(n, n, f"2026-0{n}-10 10:00:00") for n in range(1, 7)]
        columns = {"SaleID": "INTEGER", "Amount": "INTEGER", "SoldAt": "TIMESTAMP"}
        business.shop.write("Sales", [(0, 100, "2025-07-01 10:00:00"), *rows], columns)
        business.load()
        prepare_manifest(business.registry)
        first = build(business.window())

        business.shop.execute("delete from Sales where SaleID = 3")
        business.sell(
            (7, 1000, "2026-05-20"),
            (4, 4, "2026-06-20"),  # from a month that is built
            (2, 2, "2026-06-21"),  # from one that is not
            (8, 500, "2026-02-02"),
        )
        with_late_rows = build(business.window())
        backfilled = build(parse_window(settings, "2026-02", None), *FACTS)

        business.sell((5, 13, "2026-05-11"))
        failed = build(business.window())
        elsewhere = build(parse_window(settings, "2026-02", "2026-03"), *FACTS)
        business.sell((5, 14, "2026-05-12"))
        mended = build(business.window())

        business.sell((9, 1, "2026-06-25"))
        renamed = build(business.window())

        model = settings.dbt_dir / "models" / "transformed" / "sales.sql"
        model.write_text(model.read_text().replace("amount,", "amount + 1 as amount,"))
        by_other_models = business.window()
    return Story(
        first, with_late_rows, backfilled, failed, elsewhere, mended, renamed, by_other_models
    )


def bounds(window: Window | None) -> tuple[str, bool] | None:
    """The first month, and whether the window ends with the newest one."""
    return (window.first, window.last == window.keys[-1]) if window else None


@pytest.mark.slow
def test_the_first_build_holds_all_months_and_everything_earlier(story: Story) -> None:
    seen = story.first
    assert seen.succeeded
    assert seen.window is not None
    assert seen.window.is_all
    assert (seen.published, seen.moved, seen.closing) == (121, 121, 121)
    assert seen.next is None
    assert seen.months.broken == seen.months.due == ()
    assert set(seen.status.values()) == {"MATERIALIZED"}
    assert seen.problem is None
    assert seen.late.passed


@pytest.mark.slow
def test_new_rows_build_the_newest_months_and_twice_is_once(story: Story) -> None:
    seen = story.with_late_rows
    assert bounds(seen.window) == ("2026-04-01", True), "the last three months with rows"
    assert seen.sales[7] == (1000, "2026-05-20")
    assert seen.sales[6] == (6, "2026-06-10")
    assert (seen.published, seen.next) == (1121, None)
    # These months are built again by every later step.
    assert story.backfilled.moved == sum(of for of, _ in story.backfilled.sales.values()) == 1618


@pytest.mark.slow
def test_a_row_that_moved_leaves_the_month_it_was_in(story: Story) -> None:
    assert story.first.sales[4] == (4, "2026-04-10")
    assert story.with_late_rows.sales[4] == (4, "2026-06-20")


@pytest.mark.slow
def test_what_came_too_late_waits_visibly_and_all_else_is_published(story: Story) -> None:
    seen = story.with_late_rows
    assert seen.sales[2] == (2, "2026-02-10"), "never in two months"
    assert seen.sales[3] == (3, "2026-03-10"), "gone from the source, not yet from the fact"
    assert 8 not in seen.sales
    assert seen.months.late == {"2026-02-01": 2, "2026-03-01": 1}
    assert not seen.late.passed
    assert seen.late.warn
    assert seen.late.summary == (
        "3 rows came late, for 2026-02, 2026-03. "
        "Build these months: inventory backfill --from 2026-02"
    )
    assert seen.succeeded, "the tests of stock among them"
    assert seen.problem is None
    assert seen.identity.passed
    assert (seen.moved, seen.closing) == (1121, 1121)


@pytest.mark.slow
def test_a_backfill_brings_what_waited(story: Story) -> None:
    seen = story.backfilled
    assert seen.succeeded
    assert seen.sales == {
        0: (100, "2025-07-01"), 1: (1, "2026-01-10"), 2: (2, "2026-06-21"),
        4: (4, "2026-06-20"), 5: (5, "2026-05-10"), 6: (6, "2026-06-10"),
        7: (1000, "2026-05-20"), 8: (500, "2026-02-02"),
    }  # fmt: skip
    assert (seen.moved, seen.closing) == (1618, 1618)
    assert seen.identity.passed
    assert seen.months.late == {}
    assert seen.late.passed
    assert seen.problem == "The last marts were not built after the last models and facts."


@pytest.mark.slow
def test_a_month_that_failed_stays_missing_until_it_is_built(story: Story) -> None:
    failed, elsewhere, mended = story.failed, story.elsewhere, story.mended
    assert bounds(failed.window) == ("2026-04-01", True)
    assert not failed.succeeded
    assert failed.status["2026-05-01"] == "FAILED"
    assert "2026-05" in (failed.problem or "")
    assert failed.sales[5] == (5, "2026-05-10"), "the last good rows of the month stay"

    assert elsewhere.succeeded, "other months are built"
    assert elsewhere.status["2026-03-01"] == "MATERIALIZED"
    assert elsewhere.status["2026-05-01"] == "FAILED"
    assert "2026-05-01" in elsewhere.months.broken
    assert elsewhere.sales == failed.sales

    assert bounds(mended.window) == ("2026-04-01", True)
    assert mended.status["2026-05-01"] == "MATERIALIZED"
    assert mended.sales[5] == (14, "2026-05-12")
    assert (mended.published, mended.moved, mended.closing) == (1627, 1627, 1627)
    assert mended.problem is None
    assert mended.months.broken == ()
    assert mended.next is None


@pytest.mark.slow
def test_stock_of_a_product_that_gets_another_name_goes_on_as_one(story: Story) -> None:
    assert story.mended.products == {"A"}
    seen = story.renamed
    assert bounds(seen.window) == ("2026-04-01", True), "what the run was asked for"
    assert seen.succeeded
    assert seen.products == {"B"}, "in the oldest month too"
    assert (seen.published, seen.moved, seen.closing) == (1628, 1628, 1628)
    assert seen.identity.passed
    assert seen.problem is None
    assert seen.months.broken == ()
    assert seen.months.late == {}
    assert seen.next is None


@pytest.mark.slow
def test_another_way_of_making_facts_builds_all_months(story: Story) -> None:
    assert story.renamed.next is None
    assert story.by_other_models is not None
    assert story.by_other_models.is_all


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


def test_a_run_to_the_newest_month_begins_with_the_first_broken_one():
    months = Months(recipe="known", broken=("2026-02-01", "2026-03-01"))
    newest = Window(KEYS, "2026-04-01", "2026-06-01")
    assert with_broken(newest, months) == Window(KEYS, "2026-02-01", "2026-06-01")
    assert with_broken(newest, Months(recipe="known")) == newest
    assert with_broken(newest, Months(broken=tuple(KEYS))) == newest, "all have to be made anew"
    asked = Window(KEYS, "2026-04-01", "2026-05-01")
    assert with_broken(asked, months) == asked, "these months alone"


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


def test_a_model_waits_for_what_its_tests_read_and_shows_the_facts_among_it():
    found = graph(
        node("model.orders"),
        node("model.days"),
        node("model.fact", "model.orders", tags=("by_month",)),
        node("model.payments", "model.orders"),
        node("test.of_payments", "model.payments", "model.fact", attached_node="model.payments"),
        node("test.of_fact", "model.fact", "model.days", attached_node="model.fact"),
    )
    assert found.parts["model.payments"] is Part.marts
    assert found.selection(Part.models) == ("fqn:*", "fact payments")
    assert found.selection(Part.facts) == ("fact", "payments")
    assert found.selection(Part.marts) == ("payments", "")
    assert found.facts_tested_with("model.payments") == ["marts.fact"]
    assert found.facts_tested_with("model.fact") == []


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
