"""Sending what is published here to a destination: which marts or tables it is given.

How rows get to one kind of system is a module of its own, and `destinations.py` reads which there
are; whether a version may be sent is decided on the asset graph.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import PublishError
from inventory_platform.publishing.base import Report, Tell, tell_nobody
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.publishing.postgres_entry import open_personal
from inventory_platform.publishing.tables import clear_tables, tables_to_publish
from inventory_platform.settings import Settings


def send(
    settings: Settings,
    entry: Entry,
    marts: Mapping[str, Mart],
    tables: Mapping[str, TableContract] | None = None,
    tell: Tell = tell_nobody,
) -> Report:
    """Publish the current version of the marts, or of source tables, to a destination.

    What it is given of personal data goes after the marts.

    Args:
        settings: Where published versions and the lake are.
        entry: The destination.
        marts: What the models say about their marts, by name.
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
    wanted = marts_for(entry, publication.rows, marts)
    report = entry.open(settings).publish(folder, publication, wanted, tell)
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


def marts_for(entry: Entry, published: Collection[str], marts: Mapping[str, Mart]) -> list[Mart]:
    """The marts of a published version that a destination is given.

    Raises:
        PublishError: One that the entry names is not in the version.
    """
    wanted = sorted(entry.marts or published)
    if missing := [name for name in wanted if name not in published]:
        raise PublishError(
            f"{missing[0]} is not among the published marts.", "Run `inventory run`."
        )
    return [marts.get(name) or Mart(name, "", {}) for name in wanted]
