"""The destinations as assets: each published version sent on, to each of them by itself.

They stand behind the published marts, or behind the source tables they name, so a blocking
check that fails keeps them as they are. A destination that cannot be reached is asked again;
what cannot succeed fails at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from inventory_platform.assets.dbt_graph import read_graph
from inventory_platform.assets.policies import failed
from inventory_platform.assets.published import MARTS, refuse_failed
from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import InventoryError
from inventory_platform.publishing.base import Report
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.marts import read_marts
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.publishing.send import send
from inventory_platform.settings import Settings

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
            refuse_failed(context.instance, checks, "Mend the cause and load the table again.")
            marts = {} if entry.tables else read_marts(read_graph(settings).manifest)
            report = send(settings, entry, marts, tables, context.log.info)
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
