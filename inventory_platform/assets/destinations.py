"""The destinations as assets: each published version sent on, to each of them by itself.

They stand behind the published marts, or behind the source tables they name, so a blocking
check that fails keeps them as they are. A destination that cannot be reached is asked again;
what cannot succeed fails at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from inventory_platform.assets.dbt_graph import DbtGraph, read_graph
from inventory_platform.assets.policies import failed
from inventory_platform.assets.published import failed_checks
from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import InventoryError, PublishError
from inventory_platform.publishing.base import Mart, MartColumn, Report, Tell, tell_nobody
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.publishing.postgres_entry import open_personal
from inventory_platform.publishing.tables import clear_tables, tables_to_publish
from inventory_platform.settings import Settings

MARTS = dg.AssetKey(["published", "marts"])
DESTINATION = "destination"
"""Tag of the assets that send published marts elsewhere."""


def destination_key(entry: Entry) -> dg.AssetKey:
    """The asset of a destination."""
    return dg.AssetKey(["published", entry.kind, entry.name])


def build_destination_assets(
    settings: Settings,
    entries: Iterable[Entry],
    *,
    tables: Mapping[str, TableContract] | None = None,
    blocking: Sequence[dg.AssetCheckKey] = (),
) -> list[dg.AssetsDefinition]:
    """One asset for each destination.

    Args:
        settings: Where published versions are.
        entries: The destinations.
        tables: The source tables an entry may name, by relation.
        blocking: Checks whose latest result must not be a failure, where an entry is given
            source tables and the check is on one of these.
    """
    return [_build(settings, entry, tables or {}, blocking) for entry in entries]


def _build(
    settings: Settings,
    entry: Entry,
    tables: Mapping[str, TableContract],
    blocking: Sequence[dg.AssetCheckKey],
) -> dg.AssetsDefinition:
    behind_tables = [dg.AssetKey(["raw", relation]) for relation in entry.tables]
    checks = [check for check in blocking if check.asset_key in behind_tables]
    what = "source tables" if entry.tables else "published marts"

    @dg.asset(
        key=destination_key(entry),
        deps=behind_tables or [MARTS],
        group_name="published",
        kinds={entry.kind},
        owners=["team:inventory"],
        tags={DESTINATION: ""},
        description=(
            f"{entry.description or f'The {what} in a system of other people.'}\n\n"
            f"The {what} in {entry.kind}. {entry.guarantee}"
        ),
    )
    def destination(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        try:
            _refuse_failed(context.instance, checks)
            report = send(settings, entry, tables, context.log.info)
        except InventoryError as error:
            raise failed(error, settings, context.retry_number) from error
        if report.left_over:
            context.log.warning(
                f"No longer published, and left as they are: {', '.join(report.left_over)}"
            )
        if report.postponed:
            context.log.warning(
                f"{len(report.postponed)} comments and indexes are for the owner of the tables to "
                f"write: `inventory postgres-tables {entry.name}`"
            )
        return dg.MaterializeResult(metadata=_metadata(report))

    return destination


def _refuse_failed(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]) -> None:
    if failed := failed_checks(instance, checks):
        names = ", ".join(f"{key.name} on {key.asset_key.to_user_string()}" for key in failed)
        raise PublishError(
            f"Blocking checks failed last time they ran: {names}.",
            "Mend the cause and load the table again. Readers keep what they have.",
        )


def send(
    settings: Settings,
    entry: Entry,
    tables: Mapping[str, TableContract] | None = None,
    tell: Tell = tell_nobody,
) -> Report:
    """Publish the current version of the marts, or of source tables, to a destination.

    What it is given of personal data goes after the marts.

    Args:
        settings: Where published versions and the lake are.
        entry: The destination.
        tables: The source tables the entry may name, by relation.
        tell: Told of what was written.

    Raises:
        PublishError: Nothing is published here yet, or it cannot be sent.
        SettingsError: An environment variable of the entry is not set.
    """
    if entry.tables:
        contracts = [(tables or {})[relation] for relation in entry.tables]
        with tables_to_publish(settings, contracts) as (files, version, rows):
            return entry.open(settings).publish(files, version, rows, tell)
    current = current_publication(settings.published_dir)
    if current is None:
        raise PublishError("No marts are published yet.", "Run `inventory run`.")
    folder, publication = current
    marts = marts_for(entry, publication.rows, read_graph(settings))
    report = entry.open(settings).publish(folder, publication, marts, tell)
    if not entry.personal:
        return report
    contracts = [(tables or {})[relation] for relation in entry.personal]
    with clear_tables(settings, contracts, publication) as (files, version, rows):
        clear = open_personal(entry, settings).publish(files, version, rows, tell)
    return replace(
        report,
        sent=[*report.sent, *clear.sent],
        left_over=[*report.left_over, *clear.left_over],
        postponed=[*report.postponed, *clear.postponed],
    )


def marts_for(entry: Entry, published: Collection[str], graph: DbtGraph) -> list[Mart]:
    """The marts of a published version that a destination is given.

    Raises:
        PublishError: One that the entry names is not in the version.
    """
    wanted = sorted(entry.marts or published)
    if missing := [name for name in wanted if name not in published]:
        raise PublishError(
            f"{missing[0]} is not among the published marts.", "Run `inventory run`."
        )
    known = describe_marts(graph.manifest)
    return [known.get(name) or Mart(name, "", {}, (), frozenset()) for name in wanted]


def describe_marts(manifest: Mapping[str, Any]) -> dict[str, Mart]:
    """What the models say about themselves, by name."""
    keys: dict[str, tuple[str, ...]] = {}
    unique: dict[str, list[str]] = {}
    references: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata")
        if not test or not (model := node.get("attached_node")):
            continue
        arguments = test["kwargs"]
        match test["name"]:
            case "primary_key":
                keys[model] = tuple(arguments["columns"])
            case "unique":
                unique.setdefault(model, []).append(arguments["column_name"])
            case "relationships":
                references.setdefault(model, set()).add(arguments["column_name"])
    return {
        node["name"]: Mart(
            name=node["name"],
            description=_line(node["description"]),
            columns=columns,
            key=keys.get(model) or _single_key(unique.get(model, []), columns),
            references=frozenset(references.get(model, ())),
        )
        for model, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["schema"] == "marts"
        for columns in [_columns(node)]
    }


def _columns(node: Mapping[str, Any]) -> dict[str, MartColumn]:
    return {
        name: MartColumn(
            description=_line(column["description"]),
            is_required=any(c["type"] == "not_null" for c in column["constraints"]),
        )
        for name, column in node["columns"].items()
    }


def _single_key(unique: Iterable[str], columns: Mapping[str, MartColumn]) -> tuple[str, ...]:
    """The first column in the model that is tested to be unique and never empty."""
    tested = set(unique)
    found = (n for n, column in columns.items() if n in tested and column.is_required)
    return tuple(found)[:1]


def _line(text: str) -> str:
    return " ".join(text.split())


def _metadata(report: Report) -> dict[str, Any]:
    changed = [sent for sent in report.sent if sent.parts_written or sent.ddl]
    table = "\n".join(
        f"| {s.mart} | {s.rows:,} | {s.rows_written:,} | {s.parts_written} of {s.parts} |"
        for s in changed
    )
    head = "| mart | rows | written | parts written |\n| --- | ---: | ---: | ---: |\n"
    return {
        "dagster/row_count": sum(s.rows for s in report.sent),
        "version": report.version,
        "rows_written": sum(s.rows_written for s in report.sent),
        "marts_written": len(changed),
        "marts": dg.MetadataValue.md(head + table if changed else "Nothing had changed."),
        "ddl": dg.MetadataValue.md("\n".join(f"    {sql}" for s in changed for sql in s.ddl)),
    }


def behind(
    instance: dg.DagsterInstance,
    settings: Settings,
    destinations: Iterable[dg.AssetKey],
    tables: Mapping[dg.AssetKey, str] | None = None,
) -> list[dg.AssetKey]:
    """The destinations whose last success was with another version than the current one.

    Args:
        instance: What knows of their successes.
        settings: Where published versions are.
        destinations: The destinations to ask about.
        tables: Of destinations that are given source tables, the version these have now; empty
            before the first load.
    """
    publication = current_publication(settings.published_dir)
    marts = publication[1].version if publication else ""
    found = []
    for key in destinations:
        current = (tables or {}).get(key, marts)
        event = instance.get_latest_materialization_event(key)
        materialized = event.asset_materialization if event else None
        version = materialized.metadata.get("version") if materialized else None
        if current and (version is None or version.value != current):
            found.append(key)
    return found
