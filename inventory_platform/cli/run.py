"""Commands that run the graph: all of it, months of it, or all anew from the raw zone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from inventory_platform.cli.alerts import tell_after_run
from inventory_platform.cli.console import WIDTH, app, err, out, print_error
from inventory_platform.cli.summary import Reporter, print_summary
from inventory_platform.errors import InventoryError
from inventory_platform.settings import Settings, get_settings

if TYPE_CHECKING:
    import dagster as dg

    from inventory_platform.assets.months import Window
    from inventory_platform.operations.runs import Outcome
    from inventory_platform.registry import Registry


@app.command()
def run(
    select: Annotated[
        str | None,
        typer.Option(help="Dagster selection, for example 'group:inventory_db' or 'key:\"…\"+'."),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Build the models even if nothing they are made from changed.")
    ] = False,
    full: Annotated[
        bool, typer.Option(help="Build all months of the big facts, not only the newest.")
    ] = False,
) -> None:
    """Load every source, check, build the models, publish the marts; print what happened."""
    from inventory_platform.assets.months import all_months
    from inventory_platform.automation.jobs import LOAD, REFRESH
    from inventory_platform.operations.runs import prepare_instance

    settings = get_settings()
    prepare_instance(settings)
    definitions, registry = _platform(settings)
    if select is not None:
        outcomes = [_execute(settings, definitions, REFRESH, select, all_months(settings))]
    elif full or _needs_all_months(registry):
        outcomes = [_execute(settings, definitions, REFRESH, window=all_months(settings))]
    else:
        outcomes = [_execute(settings, definitions, LOAD)]
        if outcomes[0].success and not force and _is_up_to_date(registry):
            out.print("Nothing new: models and published marts are up to date.")
            if behind := _destinations_behind(definitions, registry):
                outcomes.append(_execute(settings, definitions, REFRESH, behind))
        elif outcomes[0].success:
            outcomes.append(_build(definitions, registry))
    if all(o.success for o in outcomes):
        _describe(registry)
    _finish(definitions, registry, outcomes)


def _describe(registry: Registry) -> None:
    """Write the catalogue anew where it tells of other models than those built."""
    from inventory_platform.operations.catalogue import catalogue_is_old, write_catalogue

    if not catalogue_is_old(registry.settings):
        return
    try:
        with err.status("Writing the catalogue …"):
            write_catalogue(registry)
    except InventoryError as error:
        # What was loaded and built is told all the same; the pages before stay.
        print_error("Catalogue not written", str(error))


def _build(definitions: dg.Definitions, registry: Registry) -> Outcome:
    """Build the models from what is loaded: of the big facts the months that may have changed."""
    from inventory_platform.assets.dbt_graph import read_graph
    from inventory_platform.assets.months import next_window
    from inventory_platform.automation.jobs import job_to_build

    settings = registry.settings
    window = next_window(registry, read_graph(settings))
    return _execute(settings, definitions, job_to_build(window), window=window)


def _destinations_behind(definitions: dg.Definitions, registry: Registry) -> str:
    """A selection of the destinations that were not reached by the version published last."""
    import dagster as dg

    from inventory_platform.assets.build_state import newest_loads
    from inventory_platform.assets.destinations import DESTINATION, behind
    from inventory_platform.assets.published import MARTS

    graph = definitions.resolve_asset_graph()
    keys = [key for key in graph.get_all_asset_keys() if DESTINATION in graph.get(key).tags]
    tables = {
        key: max(newest_loads(registry, {p.path[-1] for p in parents}).values(), default="")
        for key in keys
        if MARTS not in (parents := graph.get(key).parent_keys)
    }
    with dg.DagsterInstance.get() as instance:
        waiting = behind(instance, registry.settings, keys, tables)
    return " or ".join(f'key:"{key.to_user_string()}"' for key in waiting)


def _needs_all_months(registry: Registry) -> bool:
    """Whether no month of the big facts can stay: nothing is built, or by other models."""
    from inventory_platform.assets.build_state import read_build_state
    from inventory_platform.assets.dbt_graph import read_graph
    from inventory_platform.assets.months import facts_recipe

    settings = registry.settings
    recipe = facts_recipe(registry, read_graph(settings))
    return read_build_state(settings).months.recipe != recipe


@app.command()
def rebuild(
    as_of: Annotated[
        str | None,
        typer.Option(help="Rebuild the state after this load, without publishing it."),
    ] = None,
) -> None:
    """Drop the warehouse and build it anew from the raw zone."""
    from inventory_platform.assets.build_state import forget_build
    from inventory_platform.assets.months import all_months
    from inventory_platform.automation.jobs import BUILD
    from inventory_platform.operations.retention import require_history, require_load
    from inventory_platform.operations.runs import prepare_instance
    from inventory_platform.warehouse import drop_warehouse, only_run

    settings = get_settings()
    if as_of is not None:
        require_history(settings, as_of)
        require_load(settings, as_of)
    prepare_instance(settings)
    definitions, registry = _platform(settings)
    with only_run(settings, settings.lock_timeout_seconds):
        drop_warehouse(settings)
        forget_build(settings)
        if as_of is not None:
            _rebuild_as_of(registry, as_of)
            return
        outcomes = [_execute(settings, definitions, BUILD, window=all_months(settings))]
    _finish(definitions, registry, outcomes)


def _rebuild_as_of(registry: Registry, load_id: str) -> None:
    from inventory_platform.assets.dbt_project import run_dbt
    from inventory_platform.assets.matching import replace_matches
    from inventory_platform.assets.planning import MADE_OF_PLANS, replace_backtest, replace_plan
    from inventory_platform.warehouse import open_warehouse, refresh

    settings = registry.settings
    refresh(settings, registry.relations, load_id)
    with open_warehouse(settings) as con:
        replace_matches(con)
    build = ("build", "--exclude-resource-type", "unit_test")
    run_dbt(settings, *build, "--exclude", *MADE_OF_PLANS)
    with open_warehouse(settings) as con:
        replace_plan(con, settings, is_past=True)
        replace_backtest(con)
    run_dbt(settings, *build, "--select", *MADE_OF_PLANS)
    out.print(f"Warehouse rebuilt as of load {load_id}. The published marts are untouched.")


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="First month to build, as YYYY-MM.")],
    last: Annotated[
        str | None, typer.Option("--to", help="Last month to build; the newest when omitted.")
    ] = None,
) -> None:
    """Build months of the big facts anew from what is loaded, such as those with late rows.

    Stock of a day depends on all days before it: leave `--to` out unless you know that nothing
    after it changes.
    """
    from inventory_platform.assets.months import parse_window
    from inventory_platform.automation.jobs import BUILD
    from inventory_platform.operations.runs import prepare_instance

    settings = get_settings()
    window = parse_window(settings, first, last)
    prepare_instance(settings)
    definitions, registry = _platform(settings)
    outcomes = [_execute(settings, definitions, BUILD, window=window)]
    _finish(definitions, registry, outcomes)


def _platform(settings: Settings) -> tuple[dg.Definitions, Registry]:
    with err.status("Reading sources, contracts and models …"):
        from inventory_platform.definitions import build_definitions
        from inventory_platform.registry import read_registry

        return build_definitions(settings), read_registry(settings)


def _is_up_to_date(registry: Registry) -> bool:
    """Whether the published marts are made from all that is loaded, by the models as they are."""
    from inventory_platform.assets.build_state import build_inputs, read_build_state
    from inventory_platform.assets.dbt_graph import read_graph
    from inventory_platform.publishing.parquet import current_publication

    settings = registry.settings
    published = current_publication(settings.published_dir)
    built = read_build_state(settings)
    return (
        published is not None
        and built.problem(set(read_graph(settings).parts.values())) is None
        and not built.months.due
        and published[1].inputs == build_inputs(registry)
    )


def _execute(
    settings: Settings,
    definitions: dg.Definitions,
    job: str,
    select: str | None = None,
    window: Window | None = None,
) -> Outcome:
    from inventory_platform.operations.runs import execute

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=sys.__stdout__, width=WIDTH),
        disable=not out.is_terminal,
    )
    log_file = settings.data_dir / "logs" / f"{job}.log"
    with progress:
        reporter = Reporter(progress)
        return execute(
            settings,
            definitions,
            job,
            assets=select,
            window=window,
            log_file=log_file,
            on_event=reporter.tell,
        )


def _finish(definitions: dg.Definitions, registry: Registry, outcomes: list[Outcome]) -> None:
    """Record what happened, print it, tell what is wrong, and end as the runs did."""
    _record(registry, definitions)
    print_summary(registry, outcomes)
    tell_after_run(registry, definitions)
    _exit_for(outcomes)


def _record(registry: Registry, definitions: dg.Definitions) -> None:
    """Bring the history of operations up to date, also after a run that failed."""
    import dagster as dg

    from inventory_platform.operations.history import record_history

    try:
        with dg.DagsterInstance.get() as instance:
            record_history(registry, instance, definitions.resolve_all_asset_specs())
    except InventoryError as error:
        # The runs did what they did; the daemon or the next command records it.
        print_error("Not recorded", str(error))


def _exit_for(outcomes: list[Outcome]) -> None:
    if any(o.failed_checks for o in outcomes):
        raise typer.Exit(3)
    if not all(o.success for o in outcomes):
        raise typer.Exit(1)
