"""The history of operations: collected from real runs and loads, published, never doubled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from inventory_platform.automation.health import build_history_sensor
from inventory_platform.contracts.base import Contract, Integer, Text, column, describe, table
from inventory_platform.errors import InventoryError
from inventory_platform.operations.history import PUBLISHED, has_news, record_history
from inventory_platform.operations.history.ledger import newest_rejects
from inventory_platform.operations.history.published import read_published
from inventory_platform.operations.history.scores import create_scores
from inventory_platform.operations.history.sizes import measure
from inventory_platform.operations.history.store import Store
from inventory_platform.operations.query import query, reader
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings
from tests.conftest import Shop

LONG_AGO = datetime.fromisoformat("2026-01-01")
CANARY = "kettle-drum-battery-41"


class People(Contract):
    """Customers, with what is personal."""

    person_id: Integer = column("PersonID", "Identifies the person.")
    name: Text = column("Name", "Name.", personal=True)
    born: Integer = column("Born", "Year of birth.", nullable=True, personal=True, ge=1900)
    points: Integer = column("Points", "Loyalty points.", nullable=True, ge=0)

    class Config:
        metadata = table("People", key=["person_id"])


COLUMNS = {"PersonID": "INTEGER", "Name": "TEXT", "Born": "INTEGER", "Points": "INTEGER"}
ROWS = [
    (1, "Ada", 1980, 5),
    (2, None, 1981, 5),  # missing_value
    (3, "Cid", 1985, -3),  # out_of_range
    (4, "Dot", 1200, 4),  # out_of_range in a personal column
    (5, "Eva", 1990, 0),
]


@dg.asset(
    key=["marts", "fct_orders"],
    group_name="marts_sales",
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36)),
    check_specs=[
        dg.AssetCheckSpec("unique_order_id", asset=dg.AssetKey(["marts", "fct_orders"])),
        dg.AssetCheckSpec("relationships_product", asset=dg.AssetKey(["marts", "fct_orders"])),
    ],
)
def orders():
    return dg.MaterializeResult(
        metadata={"dagster/row_count": 7, "Execution Duration": 0.25},
        check_results=[
            dg.AssetCheckResult(check_name="unique_order_id", passed=True),
            dg.AssetCheckResult(
                check_name="relationships_product",
                passed=False,
                severity=dg.AssetCheckSeverity.ERROR,
                description=f"2 orders of no product; {CANARY}",
            ),
        ],
    )


@dg.asset(key=["marts", "fct_broken"], group_name="marts_sales")
def broken() -> None:
    raise ValueError(f"no answer from {CANARY}")


DEFINITIONS = dg.Definitions(
    assets=[orders, broken],
    jobs=[
        dg.define_asset_job("well", [orders]),
        dg.define_asset_job("badly", [broken]),
    ],
)


@dataclass
class Platform:
    """A registry with two small tables, and Dagster's storage."""

    shop: Shop
    registry: Registry
    instance: dg.DagsterInstance

    def run(self, job: str) -> str:
        result = DEFINITIONS.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False
        )
        return result.run_id

    def record(self) -> None:
        record_history(self.registry, self.instance, DEFINITIONS.resolve_all_asset_specs())

    def ask(self, sql: str) -> list[Any]:
        with reader(self.registry.settings, self.registry.relations) as con:
            return query(con, sql).fetchall()


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's storage before the first run; making it takes longer than copying it."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_run_records(limit=1)
    return home


@pytest.fixture
def platform(
    shop: Shop, tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    monkeypatch.setenv("SHOP_PASSWORD", CANARY)
    home = shop.settings.data_dir / "dagster"
    shutil.copytree(empty_home, home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    sources = tmp_path / "sources.toml"
    sources.write_text("")
    settings = shop.settings.model_copy(update={"sources_file": sources})
    people = describe(People, "shop")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        registry = Registry(settings, {}, {people.relation: people})
        yield Platform(replace(shop, settings=settings), registry, instance)


def test_runs_steps_checks_and_rows_are_told_as_they_were(platform: Platform) -> None:
    good, bad = platform.run("well"), platform.run("badly")
    platform.record()
    assert platform.ask(
        "select run_id, job, status, failed_steps, error, seconds > 0, ended_at >= started_at "
        "from ops.runs order by started_at"
    ) == [
        (good, "well", "success", 0, None, True, True),
        (bad, "badly", "failure", 1, "ValueError: no answer from ***", True, True),
    ]
    assert platform.ask(
        "select step, asset_group, status, error from ops.steps order by step desc"
    ) == [
        ("marts__fct_orders", "marts_sales", "success", None),
        ("marts__fct_broken", "marts_sales", "failure", "ValueError: no answer from ***"),
    ]
    assert platform.ask(
        "select run_id, asset, asset_group, row_count, seconds from ops.materializations"
    ) == [(good, "marts/fct_orders", "marts_sales", 7, 0.25)]
    assert platform.ask(
        "select check_name, passed, severity, is_blocking, description from ops.checks order by 1"
    ) == [
        ("relationships_product", False, "error", False, "2 orders of no product; ***"),
        ("unique_order_id", True, "error", False, ""),
    ]
    assert platform.ask("select asset, state, fresh_within_hours from ops.freshness") == [
        ("marts/fct_orders", "fresh", 36)
    ]


def test_a_run_that_is_recorded_while_it_goes_on_is_replaced_when_it_ended(
    platform: Platform,
) -> None:
    during: list[Any] = []

    @dg.asset
    def looks_at_itself() -> None:
        platform.record()
        during.extend(platform.ask("select status, ended_at from ops.runs"))

    dg.materialize([looks_at_itself], instance=platform.instance)
    assert during == [("started", None)]
    platform.record()
    assert platform.ask("select status from ops.runs") == [("success",)]
    assert platform.ask("select step, status from ops.steps") == [("looks_at_itself", "success")]


def test_recording_again_adds_nothing_and_a_new_run_is_news(platform: Platform) -> None:
    specs = DEFINITIONS.resolve_all_asset_specs
    sensor = build_history_sensor(platform.registry, specs)

    def tick() -> str:
        context = dg.build_sensor_context(instance=platform.instance)
        return str(sensor.evaluate_tick(context).skip_message)

    platform.run("well")
    assert has_news(platform.registry, platform.instance)
    assert tick().startswith("Recorded")
    before = platform.ask("from ops.checks")
    assert tick() == "No run changed."
    platform.record()
    assert platform.ask("from ops.checks") == before
    platform.run("badly")
    assert tick().startswith("Recorded")
    assert platform.ask("select count(*) from ops.runs") == [(2,)]


def test_loads_scores_and_rejected_rows_are_those_of_the_table(platform: Platform) -> None:
    platform.shop.write("People", ROWS, COLUMNS)
    people = platform.registry.contracts["shop__people"]
    load = platform.shop.load(people)
    platform.record()
    platform.shop.load(people)
    platform.record()
    first, second = platform.ask(
        "select load_id, rows_read, rows_loaded, rows_quarantined, rows_deduplicated, seconds > 0 "
        "from ops.load_history order by load_id"
    )
    assert first == (load.load_id, 5, 2, 3, 0, True)
    assert second[1:] == (5, 0, 0, 5, True)
    # Five rows arrived on this day: one without a name, two out of range, none twice.
    assert platform.ask(
        "select relation, completeness_good, completeness_all, uniqueness, validity_good, "
        "validity_all, consistency, timeliness, round(score, 6) from ops.quality_scores"
    ) == [("raw.shop__people", 4, 5, 1, 3, 5, None, None, 0.8)]
    rejected = platform.ask(
        "select position, reason_code, reason, payload from ops.quarantined_rows order by position"
    )
    assert [row[:3] for row in rejected] == [
        (2, "missing_value", "Name has no value but needs one"),
        (3, "out_of_range", "Points: '-3' must be greater than or equal to 0"),
        (
            4,
            "out_of_range",
            "Born must be greater than or equal to 1900 (value not shown, personal data)",
        ),
    ]
    assert json.loads(rejected[0][3]) == {
        "PersonID": "2",
        "Name": None,
        "Born": "***",
        "Points": "5",
    }
    assert "Cid" not in str(rejected)
    assert "1200" not in str(rejected)


def test_a_rejected_row_that_cannot_be_taken_apart_is_hidden_where_something_is_personal() -> None:
    contract = describe(People, "shop")
    with duckdb.connect() as con:
        con.execute(
            "create schema ops; create view ops.quarantine as select 'shop' as source, 'people' "
            "as table_name, 'malformed_row' as reason_code, 'has ''Ada'' twice' as reason, 'open' "
            "as status, 'L1' as load_id, 1 as position, '{\"line\": \"1;Ada\"}' as payload, "
            "timestamp '2026-01-01' as happened_at, 'r' as reject_id"
        )
        known = newest_rejects(con, {contract.relation: contract})
        unknown = newest_rejects(con, {})
    for [row] in (known, unknown):
        assert (row["payload"], row["reason"]) == ("***", "has '***' twice")


def test_scores_are_the_shares_worked_out_by_hand() -> None:
    with duckdb.connect() as con:
        con.execute(
            """
            create schema ops;
            create table ops.load_history as from (values
                ('shop', 'items', 'L1', 'snapshot', timestamp '2026-03-01 06:00', 90, 10),
                ('shop', 'items', 'L2', 'replay', timestamp '2026-03-01 07:00', 5, 0),
                ('shop', 'items', 'L3', 'snapshot', timestamp '2026-03-03 06:00', 0, 0)
            ) t(source, table_name, load_id, kind, committed_at, rows_loaded, rows_quarantined);
            create table ops.rejects as
                select 'shop' as source, 'items' as table_name, 'L1' as load_id,
                    case when n <= 2 then 'missing_value' when n <= 5 then 'duplicate_key'
                    when n <= 9 then 'not_a_number' else 'malformed_row' end as reason_code
                from range(1, 11) as r(n);
            create table ops.checks as from (values
                ('raw/shop__items', 'orphans_x', false, timestamp '2026-03-01 06:10'),
                ('raw/shop__items', 'orphans_x', true, timestamp '2026-03-01 09:00'),
                ('raw/shop__items', 'volume', false, timestamp '2026-03-01 09:00'),
                ('raw/shop__items', 'contract', false, timestamp '2026-03-01 09:00'),
                ('marts/fct_x', 'primary_key_fct_x', true, timestamp '2026-03-01 09:00'),
                ('marts/fct_x', 'not_null_fct_x_a', false, timestamp '2026-03-01 09:00'),
                ('marts/fct_x', 'not_null_fct_x_b', true, timestamp '2026-03-01 09:00'),
                ('marts/fct_x', 'volume_anomalies', false, timestamp '2026-03-01 09:00'),
                ('marts/fct_x', 'assert_it_adds_up', true, timestamp '2026-03-01 09:00')
            ) t(asset, check_name, passed, evaluated_at);
            create table ops.materializations as from (values
                ('marts/fct_x', timestamp '2026-03-01 18:00')
            ) t(asset, materialized_at);
            create table ops.freshness as from (values
                ('raw/shop__items', 24.0), ('marts/fct_x', 12.0)
            ) t(asset, fresh_within_hours);
            """
        )
        create_scores(con, datetime.fromisoformat("2026-03-03 12:00"))
        found = {
            (relation, day): scores
            for relation, day, *scores in con.execute(
                "select relation, score_date, completeness, uniqueness, validity, consistency, "
                "timeliness, score from ops.quality_scores"
            ).fetchall()
        }
        hours = con.execute(
            "select timeliness_good, timeliness_all from ops.quality_scores "
            "where relation = 'raw.shop__items' order by score_date"
        ).fetchall()
    items = "raw.shop__items"
    # 100 rows: 2 incomplete, 3 doubled, 5 invalid. One of two checks passed last.
    by_hand = [0.98, 0.97, 0.95, 0.5, 1.0, (0.98 + 0.97 + 0.95 + 0.5 + 1.0) / 5]
    assert found[items, date(2026, 3, 1)] == pytest.approx(by_hand)
    # Loaded at 6 and 7 o'clock of the 1st and fresh for a day: until 7 of the 2nd, then from
    # 6 of the 3rd; the present is the 3rd, 12 o'clock.
    assert hours == [(18, 18), (7, 24), (6, 12)]
    assert found[items, date(2026, 3, 2)] == [None, None, None, None, 7 / 24, 7 / 24]
    assert found[items, date(2026, 3, 3)] == [None, None, None, None, 0.5, 0.5]
    # Made at 18 o'clock, fresh until 6 of the next day.
    mart = [found["marts.fct_x", date(2026, 3, day)] for day in (1, 2, 3)]
    assert mart[0] == [0.5, 1.0, None, 1.0, 1.0, 0.875]
    assert mart[1] == [None, None, None, None, 0.25, 0.25]
    assert mart[2] == [None, None, None, None, 0.0, 0.0]


def test_history_is_kept_for_the_days_that_are_set(platform: Platform) -> None:
    store = Store(platform.registry.settings.lake_dir / "operations")
    today = datetime.now().astimezone().date()
    kept = today - timedelta(days=platform.registry.settings.operations_days - 1)
    gone = today - timedelta(days=platform.registry.settings.operations_days + 2)
    for day in (kept, gone):
        row = {"layer": "raw", "files": 1, "bytes": 1, "measured_at": LONG_AGO}
        store.put("sizes", day, [row], replacing=("layer", []))
    platform.record()
    assert store.days("sizes")[0] == kept


def test_a_damaged_file_is_put_aside_and_the_rest_goes_on(platform: Platform) -> None:
    platform.run("well")
    platform.record()
    [steps] = (platform.registry.settings.lake_dir / "operations" / "steps").glob("*.parquet")
    steps.write_bytes(b"PAR1 and then the disk was full")
    platform.record()
    assert platform.ask("select count(*) from ops.steps") == [(0,)]
    assert platform.ask("select status from ops.runs") == [("success",)]
    assert steps.with_suffix(".damaged").exists()
    platform.run("badly")
    platform.record()
    assert platform.ask("select step from ops.steps") == [("marts__fct_broken",)]


def test_a_folder_that_cannot_be_written_is_told_and_the_version_before_stays(
    platform: Platform,
) -> None:
    platform.record()
    before = read_published(platform.registry.settings)
    folder = platform.registry.settings.lake_dir / "operations"
    (folder / "runs").write_text("a file where a folder must be")
    platform.run("well")
    with pytest.raises(InventoryError, match="history of operations cannot be written"):
        platform.record()
    assert read_published(platform.registry.settings) == before


def test_the_history_stands_on_the_graph_with_its_rows(platform: Platform) -> None:
    platform.run("well")
    platform.record()
    key = dg.AssetKey(["published", "operations"])
    event = platform.instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    published = platform.ask(
        " union all ".join(f"select count(*) from ops.{name}" for name in PUBLISHED)
    )
    rows = event.asset_materialization.metadata["dagster/row_count"].value
    assert rows == sum(count for (count,) in published) > 0


def test_layers_are_as_large_as_their_files(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    for name, size in {"raw/shop/a.parquet": 10, "raw/b.parquet": 5, "pages/c": 7}.items():
        path = settings.lake_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    settings.warehouse_file.write_bytes(b"x" * 3)
    settings.published_dir.mkdir()
    # A link is not counted twice.
    (settings.published_dir / "current").symlink_to(settings.lake_dir, target_is_directory=True)
    found = {
        row["layer"]: (row["files"], row["bytes"])
        for row in measure(settings, tmp_path / "none", LONG_AGO)
    }
    assert found == {
        "raw": (2, 15),
        "quarantine": (0, 0),
        "pages": (1, 7),
        "warehouse": (1, 3),
        "published": (0, 0),
        "dagster": (0, 0),
        "logs": (0, 0),
    }
