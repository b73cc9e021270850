"""Commands for the administrators of destinations: SQL they look at and run themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from inventory_platform.cli.console import app
from inventory_platform.settings import Settings, get_settings

if TYPE_CHECKING:
    from inventory_platform.assets.dbt_graph import DbtGraph
    from inventory_platform.publishing.destinations import Entry

Name = Annotated[str, typer.Argument(help="An entry of destinations.toml.")]


@app.command()
def postgres_roles(
    name: Name,
    prefix: Annotated[str, typer.Option(help="What the roles' names begin with.")] = "inventory",
) -> None:
    """Print the SQL that creates roles, rights and row-level rules in a destination."""
    from inventory_platform.publishing.marts import read_marts
    from inventory_platform.publishing.postgres_entry import row_rules
    from inventory_platform.publishing.postgres_roles import roles_sql

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", prefix):
        raise typer.BadParameter("Use lower case letters, digits and underscores.")
    entry, graph = _entry(get_settings(), name)
    rules = row_rules(entry, read_marts(graph.manifest))
    print(roles_sql(entry.schema, prefix, row_rules=rules), end="")


@app.command()
def postgres_tables(name: Name) -> None:
    """Print the SQL that gives a destination's tables the form of the marts, if they lack it.

    Only asks the database. Where a table with rows changes, its rows go until the next
    publication.
    """
    from inventory_platform.errors import PublishError
    from inventory_platform.publishing.marts import read_marts
    from inventory_platform.publishing.parquet import current_publication
    from inventory_platform.publishing.postgres_entry import open_postgres
    from inventory_platform.publishing.send import marts_for

    settings = get_settings()
    entry, graph = _entry(settings, name)
    current = current_publication(settings.published_dir)
    if current is None:
        raise PublishError("No marts are published yet.", "Run `inventory run`.")
    folder, publication = current
    marts = marts_for(entry, publication.rows, read_marts(graph.manifest))
    for statement in open_postgres(entry, settings).pending(folder, marts):
        print(f"{statement};")


def _entry(settings: Settings, name: str) -> tuple[Entry, DbtGraph]:
    from inventory_platform.assets.dbt_graph import read_graph
    from inventory_platform.assets.dbt_project import prepare_manifest
    from inventory_platform.errors import SettingsError
    from inventory_platform.publishing.destinations import read_destinations
    from inventory_platform.publishing.marts import read_marts
    from inventory_platform.registry import read_registry

    registry = read_registry(settings)
    prepare_manifest(registry)
    graph = read_graph(settings)
    entries = read_destinations(settings, read_marts(graph.manifest), registry.contracts)
    if name not in entries:
        raise SettingsError(
            f"There is no destination {name!r}.",
            f"Known destinations: {', '.join(entries) or 'none'}.",
        )
    if entries[name].kind != "postgres":
        raise SettingsError(
            f"Destination {name!r} is no Postgres database, but {entries[name].kind}.",
            "Ask for one whose address begins with postgresql://.",
        )
    return entries[name], graph
