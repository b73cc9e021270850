"""Commands on alerts: what is open, whether messages arrive, a look at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from inventory_platform.cli.console import app, err, out, print_error
from inventory_platform.errors import InventoryError, SettingsError
from inventory_platform.settings import get_settings

if TYPE_CHECKING:
    import dagster as dg

    from inventory_platform.operations.alerts.watch import Look
    from inventory_platform.registry import Registry

alerts_app = typer.Typer(help="Alerts: what is wrong, and who was told.", no_args_is_help=True)
app.add_typer(alerts_app, name="alerts")


@alerts_app.command("list")
def alerts_list(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show the open causes, what was sent, and what cannot be sent."""
    from inventory_platform.operations.alerts import problems
    from inventory_platform.operations.alerts.state import read_state

    settings = get_settings()
    state, found = read_state(settings), problems(settings)
    if as_json:
        print(json.dumps({**state.model_dump(mode="json"), "problems": found}, indent=1))
        return
    table = Table(title="Open causes", title_justify="left")
    for name in ("severity", "cause", "what", "since (UTC)", "seen", "told (UTC)"):
        table.add_column(name, overflow="fold")
    for record in sorted(state.open, key=lambda r: (-r.severity.rank, r.first_at)):
        told = f"{record.told_at:%m-%d %H:%M}" if record.is_told and record.told_at else "not yet"
        since = f"{record.first_at:%m-%d %H:%M}"
        shown = [record.severity, record.cause.kind, record.title, since, record.times, told]
        table.add_row(*(escape(str(value)) for value in shown))
    out.print(table)
    for sent in state.sent[-10:]:
        out.print(f"{sent.at:%Y-%m-%d %H:%M} {sent.route}: {escape(sent.subject)}")
    if state.pulse.at:
        out.print(f"Last look: {state.pulse.at:%Y-%m-%d %H:%M} UTC.")
    if not state.queues:
        out.print("Nobody is told: alerts.toml has no route.")
    for problem in found:
        print_error("Not told", problem)


@alerts_app.command("test")
def alerts_test(
    route: Annotated[str | None, typer.Option(help="Only over this route of alerts.toml.")] = None,
) -> None:
    """Send a message over every channel and say which do not work."""
    from inventory_platform.operations.alerts.config import read_config
    from inventory_platform.operations.alerts.watch import try_routes

    settings = get_settings()
    config = read_config(settings)
    names = [name for name in config.routes if route in (None, name)]
    if not names:
        raise SettingsError(
            f"{settings.alerts_file.name} has no route{f' {route!r}' if route else ''}.",
            "docs/alerts.md shows how one is written.",
        )
    failed = {}
    for name, problem in try_routes(config, settings, names).items():
        if problem:
            failed[name] = problem
            print_error(f"FAIL {name}", problem)
        else:
            out.print(f"OK   {name}")
    if failed:
        raise typer.Exit(1)


@alerts_app.command("check")
def alerts_check() -> None:
    """Look at everything now, tell what is to be told, and print it."""
    from inventory_platform.definitions import build_definitions
    from inventory_platform.operations.runs import prepare_instance
    from inventory_platform.registry import read_registry

    settings = get_settings()
    prepare_instance(settings)
    with err.status("Reading sources, contracts and models …"):
        definitions, registry = build_definitions(settings), read_registry(settings)
    found = _tell(registry, definitions)
    out.print(f"{found.open} open causes, {len(found.told)} told now.")


def tell_after_run(registry: Registry, definitions: dg.Definitions) -> None:
    """Tell what is wrong where somebody is to be told; no sensor needs to be on for that."""
    from inventory_platform.operations.alerts.config import read_config

    if not read_config(registry.settings).routes:
        return
    try:
        _tell(registry, definitions)
    except InventoryError as error:
        # What the run did is said by its own exit code.
        print_error("Not told", str(error))


def _tell(registry: Registry, definitions: dg.Definitions) -> Look:
    """Take a look and print what it tells, and what it cannot."""
    import dagster as dg

    from inventory_platform.operations.alerts.config import read_config
    from inventory_platform.operations.alerts.watch import look

    config = read_config(registry.settings)
    specs = definitions.resolve_all_asset_specs()
    with dg.DagsterInstance.get() as instance:
        found = look(registry, config, instance, specs)
    for alert in found.told:
        out.print(f"Alert: {escape(alert.headline)}", highlight=False)
    for sent in found.sent:
        out.print(f"Sent over {sent.route}.")
    for problem in found.problems:
        print_error("Not told", problem)
    return found
