"""The dbt models as assets, their tests as checks.

Which models exist is dbt's business (`dbt_project/`), in which order they are built is
`dbt_graph.py`; here is how they appear on the graph and how each part is built: one dbt
command, one process, one writer. The big facts are partitioned by month.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import (
    DagsterDbtCliRuntimeError,
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)

from inventory_platform.assets.build_state import (
    Built,
    build_inputs,
    newest_loads,
    read_build_state,
    write_build_state,
)
from inventory_platform.assets.column_lineage import ColumnLineage, read_column_lineage
from inventory_platform.assets.dbt_graph import DbtGraph, Part, read_graph
from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.assets.months import (
    Window,
    build_ended,
    build_starts,
    month_keys,
    months_partitions,
    note_changes,
    with_broken,
)
from inventory_platform.assets.policies import fresh_within
from inventory_platform.assets.raw import POOL
from inventory_platform.errors import ContractError
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings
from inventory_platform.warehouse import Warehouse, open_warehouse, refresh


class Translator(DagsterDbtTranslator):
    """How a dbt node looks on the graph: layer as group, mart areas as groups of their own.

    Args:
        graph: What is known of the models.
        streams: Sources that push messages; what is built on them alone is live.
        live: When live models are built without anybody asking.
    """

    def __init__(
        self,
        graph: DbtGraph,
        streams: Collection[str],
        live: dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey],
    ) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_code_references=False, enable_asset_checks=True)
        )
        self.graph = graph
        self.streams = streams
        self.live = live

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The asset of a dbt node."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] not in {"model", "seed"}:
            return spec
        meta = node.get("config", {}).get("meta", {})
        owners = meta.get("dagster", {}).get("owners")
        question = {"question": meta["question"]} if "question" in meta else {}
        is_live = LIVE in node["fqn"] or node["fqn"][-2] in self.streams
        facts = [relation.split(".") for relation in self.graph.facts_tested_with(unique_id)]
        return spec.replace_attributes(
            deps=[*spec.deps, *(dg.AssetDep(dg.AssetKey(path)) for path in facts)],
            automation_condition=self.live if is_live else None,
            tags={**spec.tags, LIVE_TAG: ""} if is_live else spec.tags,
            key=dg.AssetKey([node["schema"], node["name"]]),
            group_name=_group(node),
            owners=owners or ["team:inventory"],
            kinds={"dbt", "duckdb"},
            metadata={**spec.metadata, **question},
            freshness_policy=fresh_within(_hours(node["name"], meta.get("fresh_within_hours"))),
        )


LIVE = "live"
"""Folder of the models behind streams, in every layer."""

LIVE_TAG = "inventory/live"
"""Tag of the assets of all models behind streams, those in staging included."""


def _hours(model: str, hours: Any) -> float | None:
    if hours is None:
        return None
    if type(hours) in {int, float} and hours >= 1:
        return float(hours)
    raise ContractError(
        f"Model {model}: fresh_within_hours is {hours!r}.", "Write a number of hours."
    )


def _group(node: Mapping[str, Any]) -> str:
    folders = node["fqn"][1:-1]
    if node["resource_type"] == "seed":
        return "reference"
    if folders[:1] == ["marts"] and len(folders) > 1:
        return f"marts_{folders[1]}"
    return str(folders[0]) if folders else "models"


def build_dbt_assets(
    registry: Registry, live: dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]
) -> list[dg.AssetsDefinition]:
    """All dbt models, each part of them as one multi-asset built by one `dbt build`.

    `live` says when the models behind streams are built without anybody asking.
    """
    prepare_manifest(registry)
    graph = read_graph(registry.settings)
    streams = {source.name for source in registry.sources.values() if source.is_streamed}
    translator = Translator(graph, streams, live)

    def assets_of(part: Part) -> dg.AssetsDefinition:
        select, exclude = graph.selection(part)
        is_partitioned = part is Part.facts

        @dbt_assets(
            manifest=graph.manifest,
            dagster_dbt_translator=translator,
            name=part.value,
            pool=POOL,
            select=select,
            exclude=exclude or None,
            partitions_def=months_partitions(registry.settings) if is_partitioned else None,
            backfill_policy=dg.BackfillPolicy.single_run() if is_partitioned else None,
        )
        def build(
            context: dg.AssetExecutionContext,
            dbt: DbtCliResource,
            warehouse: dg.ResourceParam[Warehouse],
        ) -> Iterator[Any]:
            refresh(registry.settings, registry.relations)
            warehouse.release()
            yield from _BUILDERS[part](context, dbt, registry, graph)

        return build

    return [assets_of(part) for part in Part if graph.of_part(part)]


def _build_models(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, registry: Registry, graph: DbtGraph
) -> Iterator[Any]:
    settings = registry.settings
    before = read_build_state(settings)
    # A build of some models completes nothing that a build of all left incomplete.
    after = before
    if not context.is_subset:
        after = replace(
            before,
            models=Built(complete=True, run_id=context.run_id),
            inputs=build_inputs(registry),
            loads=newest_loads(registry),
        )
    write_build_state(settings, replace(after, models=replace(after.models, complete=False)))
    yield from _dbt_build(context, dbt, settings, graph)
    write_build_state(settings, after)
    note_changes(registry, graph)


def _build_facts(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, registry: Registry, graph: DbtGraph
) -> Iterator[Any]:
    settings = registry.settings
    note_changes(registry, graph)
    asked = context.partition_key_range
    window = with_broken(
        Window(month_keys(settings), asked.start, asked.end), read_build_state(settings).months
    )
    build_starts(settings, window)
    yield from _dbt_build(context, dbt, settings, graph, window)
    if not context.is_subset:
        build_ended(registry, graph, window, context.run_id)


def _build_marts(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, registry: Registry, graph: DbtGraph
) -> Iterator[Any]:
    settings = registry.settings
    before = read_build_state(settings)
    after = before
    if not context.is_subset:
        after = replace(
            before,
            marts=Built(complete=True, run_id=context.run_id),
            marts_made_of=before.foundations,
        )
    write_build_state(settings, replace(after, marts=replace(after.marts, complete=False)))
    yield from _dbt_build(context, dbt, settings, graph)
    write_build_state(settings, after)


_BUILDERS = {
    Part.models: _build_models,
    Part.facts: _build_facts,
    Part.marts: _build_marts,
}


def _dbt_build(
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    settings: Settings,
    graph: DbtGraph,
    window: Window | None = None,
) -> Iterator[Any]:
    # Unit tests say something of the SQL, not of the data; they run in the test suite.
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    # Tables are made anew, seeds with other columns too; single months are put into what is there.
    if window is None or window.is_all:
        arguments.append("--full-refresh")
    with _environment(window.environment() if window else {}):
        invocation = dbt.cli(arguments, context=context)
    events: list[Any] = []
    failure: DagsterDbtCliRuntimeError | None = None
    try:
        events.extend(invocation.stream())
    except DagsterDbtCliRuntimeError as error:
        failure = error
    shutil.rmtree(invocation.target_path, ignore_errors=True)
    # dbt has closed the warehouse only now, so tables are looked at in the end, all at once;
    # Dagster's own looking waits for it by polling without a pause.
    yield from _described(context, events, graph, settings)
    if failure is not None:
        raise failure


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a process that is started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _described(
    context: dg.AssetExecutionContext, events: Sequence[Any], graph: DbtGraph, settings: Settings
) -> Iterator[Any]:
    """The events of a build; what was built has its rows, its columns and their origin."""
    tables = graph.relations()
    columns = read_column_lineage(settings)
    for model, why in columns.problems.items():
        context.log.warning(f"The columns of {model} cannot be followed: {why}")
    with open_warehouse(settings) as con:
        types = column_types(con)
        for event in events:
            unique_id = event.metadata["unique_id"].value
            if not isinstance(event, dg.Output):
                yield event
                continue
            metadata: dict[str, Any] = dict(event.metadata)
            if unique_id in tables:
                counted = con.execute(f"select count(*) from {tables[unique_id]}").fetchone()
                metadata["dagster/row_count"] = int(counted[0]) if counted else 0
            relation = graph.relation(unique_id)
            described = graph.column_descriptions(unique_id)
            metadata["dagster/column_schema"] = column_schema(types.get(relation, {}), described)
            if relation in columns.made_of:
                metadata["dagster/column_lineage"] = column_lineage(columns, relation)
            yield event.with_metadata(metadata)


def column_types(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Relation → column → type, of all there is in the warehouse."""
    found: dict[str, dict[str, str]] = {}
    for schema, name, column, kind in con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where not internal order by table_oid, column_index"
    ).fetchall():
        found.setdefault(f"{schema}.{name}", {})[column] = kind
    return found


def column_schema(types: Mapping[str, str], described: Mapping[str, str]) -> dg.TableSchema:
    """Columns of a table as Dagster shows them."""
    return dg.TableSchema(
        [dg.TableColumn(name, kind, described.get(name)) for name, kind in types.items()]
    )


def column_lineage(columns: ColumnLineage, relation: str) -> dg.TableColumnLineage:
    """What the columns of a model are made of, as Dagster shows it."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(dg.AssetKey(its.split(".")), column_name)
                for its, column_name in inputs
            ]
            for column, inputs in columns.made_of[relation].items()
        }
    )
