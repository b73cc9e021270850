"""The asset graph as a whole: what is in it, described, owned, checked."""

from __future__ import annotations

import re
import tomllib

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from inventory_platform.assets.dbt_graph import Part
from inventory_platform.assets.policies import fresh_within
from inventory_platform.automation.jobs import BUILD, BUILD_KEEPING_FACTS, REFRESH
from inventory_platform.contracts.base import contract_modules
from inventory_platform.definitions import build_definitions
from inventory_platform.settings import PROJECT_DIR, Settings


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    # Sources of dbt are the raw assets themselves; nothing may stand on the graph twice.
    return sorted(definitions.resolve_all_asset_specs(), key=lambda s: s.key)


def test_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_asset_has_a_description_an_owner_a_group_and_a_kind(
    specs: list[dg.AssetSpec],
) -> None:
    lacking = [
        (spec.key.to_user_string(), what)
        for spec in specs
        for what, present in {
            "description": spec.description and len(spec.description) > 20,
            "owner": spec.owners,
            "group": spec.group_name not in {None, "default"},
            "kind": spec.kinds,
        }.items()
        if not present
    ]
    assert lacking == []


def test_every_source_table_carries_its_contract_as_column_schema(
    specs: list[dg.AssetSpec],
) -> None:
    raw = [spec for spec in specs if spec.key.path[0] == "raw"]
    assert {s.group_name for s in raw} == set(contract_modules())
    for spec in raw:
        schema = spec.metadata["dagster/column_schema"]
        assert all(c.description and c.type for c in schema.columns), spec.key


def test_what_is_loaded_are_the_tables_of_sources_with_an_entry(
    definitions: dg.Definitions, specs: list[dg.AssetSpec]
) -> None:
    graph = definitions.resolve_asset_graph()
    raw = [spec for spec in specs if spec.key.path[0] == "raw"]
    loaded = {s.group_name for s in raw if graph.get(s.key).is_executable}
    assert loaded == set(tomllib.loads((PROJECT_DIR / "sources.toml").read_text()))
    assert {s.group_name for s in raw} == loaded


def test_the_inventory_database_has_its_ten_tables_and_payments(
    specs: list[dg.AssetSpec],
) -> None:
    tables = [s for s in specs if s.key.path[-1].startswith("inventory_db__")]
    assert len(tables) == 11
    for spec in tables:
        names = {c.name for c in spec.metadata["dagster/column_schema"].columns}
        assert {"created_at", "updated_at"} <= names


def test_every_fetched_table_is_read_from_the_pages_of_its_source(
    specs: list[dg.AssetSpec],
) -> None:
    pages = {spec.key for spec in specs if spec.key.path[0] == "pages"}
    assert dg.AssetKey(["pages", "linnworks__orders"]) in pages
    fetched = {key.path[-1].split("__")[0] for key in pages}
    for spec in specs:
        if spec.key.path[0] == "raw":
            above = {dep.asset_key for dep in spec.deps}
            assert bool(above & pages) == (spec.group_name in fetched), spec.key


def test_every_raw_table_has_blocking_contract_and_ledger_checks(
    definitions: dg.Definitions, specs: list[dg.AssetSpec]
) -> None:
    graph = definitions.resolve_asset_graph()
    for spec in specs:
        if spec.key.path[0] == "raw" and graph.get(spec.key).is_executable:
            blocking = {
                key.name
                for key in graph.get_check_keys_for_assets([spec.key])
                if graph.get_check_spec(key).blocking
            }
            assert {"contract", "ledger", "quarantine_rate"} <= blocking, spec.key


def test_marts_are_published_only_after_all_of_them(
    definitions: dg.Definitions, specs: list[dg.AssetSpec]
) -> None:
    marts = {spec.key for spec in specs if spec.key.path[0] == "marts"}
    published = next(s for s in specs if s.key == dg.AssetKey(["published", "marts"]))
    assert {dep.asset_key for dep in published.deps} == marts


def test_each_part_of_the_models_is_one_step(definitions: dg.Definitions) -> None:
    """Dagster would split a part in two where assets in between need some of it first."""
    for job in (REFRESH, BUILD, BUILD_KEEPING_FACTS):
        steps = set(definitions.resolve_job_def(job).graph.node_dict)
        built = {name for name in steps if re.fullmatch(r"(models|facts|marts)(_.*)?", name)}
        assert built == set(Part) - ({Part.facts} if job == BUILD_KEEPING_FACTS else set())


def test_the_graph_is_as_agreed(
    definitions: dg.Definitions, specs: list[dg.AssetSpec], snapshot: SnapshotAssertion
) -> None:
    """The golden picture of all definitions; `make update-snapshots` accepts a change."""
    graph = definitions.resolve_asset_graph()
    assert {
        "assets": {
            spec.key.to_user_string(): {
                "group": spec.group_name,
                "owners": sorted(spec.owners),
                "kinds": sorted(spec.kinds),
                "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            }
            for spec in specs
        },
        "checks": sorted(
            f"{key.asset_key.to_user_string()}:{key.name}"
            + (" blocking" if graph.get_check_spec(key).blocking else "")
            for key in graph.asset_check_keys
        ),
        "jobs": {
            job.name: len(job.asset_layer.selected_asset_keys)
            for job in definitions.resolve_all_job_defs()
            if not job.name.startswith("__")
        },
    } == snapshot


def test_both_ways_of_starting_dagster_name_the_same_module() -> None:
    pyproject = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())
    workspace = (PROJECT_DIR / "workspace.yaml").read_text()
    assert pyproject["tool"]["dagster"]["module_name"] == "inventory_platform.definitions"
    assert "python_module: inventory_platform.definitions" in workspace


def test_on_a_laptop_files_and_streams_are_followed_and_no_time_is_kept(
    definitions: dg.Definitions,
) -> None:
    names = {sensor.name for sensor in definitions.sensors or []}
    assert {"new_files_shop_files", "builds_after_loads", "live_models"} <= names
    schedules = {
        schedule.name: schedule.default_status
        for schedule in definitions.schedules or []
        if isinstance(schedule, dg.ScheduleDefinition)
    }
    assert set(schedules) == {"nightly", "hourly_linnworks", "weekly", "maintenance"}
    assert set(schedules.values()) == {dg.DefaultScheduleStatus.STOPPED}


def test_every_mart_says_how_fresh_it_must_be_and_which_question_it_answers(
    specs: list[dg.AssetSpec],
) -> None:
    marts = {spec.key.path[-1]: spec for spec in specs if spec.key.path[0] == "marts"}
    assert [name for name, spec in marts.items() if not spec.metadata.get("question")] == []
    windows = {name: spec.freshness_policy for name, spec in marts.items()}
    assert [name for name, policy in windows.items() if policy is None] == []
    assert windows["fct_orders"] == fresh_within(36)
    assert windows["fct_live_stock"] == fresh_within(1)
    assert windows["kpi_reorder_proposals"] == fresh_within(192)
    loaded = next(spec for spec in specs if spec.key.path[-1] == "inventory_db__products")
    assert loaded.freshness_policy == fresh_within(36)
