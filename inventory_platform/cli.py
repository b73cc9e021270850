"""The `inventory` command: everything a person does with the platform from a terminal.

Commands parse their arguments, call the platform and print. Exit codes: 0 all well, 1 a run
or command failed, 2 wrong usage, 3 the run ended but a check failed with severity error.
Heavy parts are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from inventory_platform.errors import InventoryError
from inventory_platform.settings import PROJECT_DIR, Settings, get_settings

if TYPE_CHECKING:
    import dagster as dg

    from inventory_platform.assets.months import Window
    from inventory_platform.landing.lake import LoadRecord
    from inventory_platform.operations.runs import Outcome
    from inventory_platform.registry import Registry

app = typer.Typer(
    help="Inventory data platform: load, check, build and publish.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
quarantine_app = typer.Typer(help="Rejected rows: look at them, replay them.", no_args_is_help=True)
sandbox_app = typer.Typer(help="The outside world in a box, for trying.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(sandbox_app, name="sandbox")

# Written to a file or a pipe, lines are not cut to the width of a terminal nobody has.
_WIDTH = None if sys.stdout.isatty() else 140
out = Console(width=_WIDTH)
err = Console(stderr=True)


class Format(StrEnum):
    """How a query's rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def main() -> None:
    """Run the command line; an error the platform raises on purpose is printed, not traced."""
    try:
        app()
    except InventoryError as error:
        _print_error("Error", str(error))
        sys.exit(1)


# -- running -----------------------------------------------------------------------------


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
    from inventory_platform.assets.dbt_project import write_docs
    from inventory_platform.automation.jobs import LOAD, REFRESH
    from inventory_platform.operations.runs import prepare_instance

    settings = get_settings()
    prepare_instance(settings)
    definitions, registry = _platform(settings)
    if select:
        outcomes = [_execute(settings, definitions, REFRESH, select, _all_months(settings))]
    elif full or _needs_all_months(registry):
        outcomes = [_execute(settings, definitions, REFRESH, window=_all_months(settings))]
    else:
        outcomes = [_execute(settings, definitions, LOAD)]
        if outcomes[0].success and not force and _is_up_to_date(registry):
            out.print("Nothing new: models and published marts are up to date.")
        elif outcomes[0].success:
            outcomes.append(_build(definitions, registry))
    if all(o.success for o in outcomes) and _docs_are_old(settings):
        write_docs(settings)
    _print_summary(registry, outcomes)
    _exit_for(outcomes)


def _build(definitions: dg.Definitions, registry: Registry) -> Outcome:
    """Build the models from what is loaded: of the big facts the months that may have changed."""
    from inventory_platform.assets.dbt_graph import read_graph
    from inventory_platform.assets.months import next_window
    from inventory_platform.automation.jobs import BUILD, BUILD_KEEPING_FACTS

    settings = registry.settings
    window = next_window(registry, read_graph(settings))
    job = BUILD if window else BUILD_KEEPING_FACTS
    return _execute(settings, definitions, job, window=window)


def _needs_all_months(registry: Registry) -> bool:
    """Whether no month of the big facts can stay: nothing is built, or by other models."""
    from inventory_platform.assets.build_state import read_build_state
    from inventory_platform.assets.dbt_graph import read_graph
    from inventory_platform.assets.months import facts_recipe

    settings = registry.settings
    recipe = facts_recipe(registry, read_graph(settings))
    return read_build_state(settings).months.recipe != recipe


def _all_months(settings: Settings) -> Window:
    from inventory_platform.assets.months import Window, month_keys

    keys = month_keys(settings)
    return Window(keys, keys[0], keys[-1])


def _docs_are_old(settings: Settings) -> bool:
    from inventory_platform.assets.dbt_project import docs_page, manifest_path

    page = docs_page(settings)
    return not page.exists() or page.stat().st_mtime < manifest_path(settings).stat().st_mtime


@app.command()
def rebuild(
    as_of: Annotated[
        str | None,
        typer.Option(help="Rebuild the state after this load, without publishing it."),
    ] = None,
) -> None:
    """Drop the warehouse and build it anew from the raw zone."""
    from inventory_platform.assets.build_state import forget_build
    from inventory_platform.assets.dbt_project import run_dbt
    from inventory_platform.assets.matching import replace_matches
    from inventory_platform.assets.planning import MADE_OF_PLANS, replace_backtest, replace_plan
    from inventory_platform.automation.jobs import BUILD
    from inventory_platform.operations.runs import prepare_instance
    from inventory_platform.warehouse import open_warehouse, refresh

    settings = get_settings()
    prepare_instance(settings)
    definitions, registry = _platform(settings)
    with open_warehouse(settings):
        pass  # nobody else has it open
    forget_build(settings)
    for suffix in ("", ".wal"):
        Path(f"{settings.warehouse_file}{suffix}").unlink(missing_ok=True)
    if as_of:
        refresh(settings, registry.relations, as_of)
        with open_warehouse(settings) as con:
            replace_matches(con)
        build = ("build", "--exclude-resource-type", "unit_test")
        run_dbt(settings, *build, "--exclude", *MADE_OF_PLANS)
        with open_warehouse(settings) as con:
            replace_plan(con, settings, is_past=True)
            replace_backtest(con)
        run_dbt(settings, *build, "--select", *MADE_OF_PLANS)
        out.print(f"Warehouse rebuilt as of load {as_of}. The published marts are untouched.")
        return
    outcomes = [_execute(settings, definitions, BUILD, window=_all_months(settings))]
    _print_summary(registry, outcomes)
    _exit_for(outcomes)


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
    _print_summary(registry, outcomes)
    _exit_for(outcomes)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of Dagster's pages.")] = 3000,
) -> None:
    """Open Dagster (pages and daemon) on this machine, until interrupted."""
    from inventory_platform.assets.dbt_project import prepare_manifest
    from inventory_platform.operations.runs import prepare_instance
    from inventory_platform.registry import read_registry

    settings = get_settings()
    prepare_instance(settings)
    prepare_manifest(read_registry(settings))
    out.print(f"Dagster: http://127.0.0.1:{port}/asset-groups  (Ctrl-C stops it)")
    sys.stdout.flush()
    # A shell that starts this in the background ignores SIGINT for it, and Dagster would then
    # ignore SIGTERM too and outlive us.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    dagster = Path(sys.executable).parent / "dagster"
    os.chdir(PROJECT_DIR)
    arguments = ["dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    os.execve(dagster, [str(dagster), *arguments], environment)


@app.command()
def stream(
    source: Annotated[str, typer.Argument(help="A source with an address mqtt://… or kafka://….")],
    seconds: Annotated[
        float, typer.Option(help="How long to gather messages for one load.", min=0.05)
    ] = 1.0,
    messages: Annotated[int, typer.Option(help="Messages that fill a load.", min=1)] = 20_000,
) -> None:
    """Load a stream as it comes, in small batches, until interrupted (Ctrl-C or SIGTERM)."""
    import dagster as dg

    from inventory_platform.operations.runs import prepare_instance
    from inventory_platform.operations.streaming import Pace, reporter
    from inventory_platform.operations.streaming import stream as follow
    from inventory_platform.registry import read_registry

    settings = get_settings()
    prepare_instance(settings)
    registry = read_registry(settings)
    entry = registry.source(source)
    report = reporter(dg.DagsterInstance.get())

    def landed(record: LoadRecord) -> None:
        report(record)
        out.print(
            f"{record.committed_at[11:19]}  {record.table_name:<24}"
            f"{record.rows_read:>8,} read {record.rows_loaded:>8,} loaded "
            f"{record.rows_quarantined:>6,} quarantined",
            highlight=False,
        )

    out.print(f"Following {source} (Ctrl-C stops it after landing what was received)")
    follow(
        registry.of_source(source).values(),
        lambda: registry.loader(entry),
        landed=landed,
        pace=Pace(seconds=seconds, messages=messages),
    )


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
        console=Console(file=sys.__stdout__, width=_WIDTH),
        disable=not out.is_terminal,
    )
    log_file = settings.data_dir / "logs" / f"{job}.log"
    with progress:
        reporter = _Reporter(progress)
        return execute(
            definitions,
            job,
            assets=select,
            window=window,
            log_file=log_file,
            on_event=reporter.tell,
        )


class _Reporter:
    """Turns a run's events into a progress bar and one line per thing worth telling."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.console = progress.console
        self.task = progress.add_task("Starting", total=0)
        self.planned = 0

    def tell(self, event: dg.DagsterEvent) -> None:
        """Show one event."""
        import dagster as dg

        from inventory_platform.assets.dbt_graph import Part

        kind = dg.DagsterEventType
        match event.event_type:
            case kind.ASSET_MATERIALIZATION_PLANNED | kind.ASSET_CHECK_EVALUATION_PLANNED:
                self.planned += 1
                self.progress.update(self.task, total=self.planned)
            case kind.STEP_START:
                step = event.step_key or ""
                self.progress.update(self.task, description=step.replace("__", "/", 1)[:48])
                if step in set(Part):
                    self._line("…", f"building and testing the {step} (dbt)", "dim")
            case kind.ASSET_MATERIALIZATION:
                self.progress.advance(self.task)
                self._materialized(event)
            case kind.ASSET_CHECK_EVALUATION:
                self.progress.advance(self.task)
                self._checked(event)
            case kind.STEP_FAILURE:
                self._line("FAIL", event.step_key or "run", "red")

    def _materialized(self, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        reason = materialization.metadata.get("not_loaded")
        if reason is not None:
            name = materialization.asset_key.to_user_string()
            self._line("SKIP", f"{name}: {reason.value}", "yellow")
            return
        rows = materialization.metadata.get("dagster/row_count")
        counted = f"{rows.value:>12,} rows" if rows is not None else ""
        self._line("OK", f"{materialization.asset_key.to_user_string():<52}{counted}", "green")

    def _checked(self, event: dg.DagsterEvent) -> None:
        data = event.asset_check_evaluation_data
        if data.passed:
            return
        is_error = data.severity.value == "ERROR"
        self._line(
            "FAIL" if is_error else "WARN",
            f"{data.asset_key.to_user_string()}: {data.check_name}: {_check_text(data)}",
            "red" if is_error else "yellow",
        )

    def _line(self, word: str, text: str, style: str) -> None:
        self.console.print(f"[{style}]{word:<5}[/]{escape(text)}", highlight=False, soft_wrap=True)


def _check_text(data: Any) -> str:
    failed = data.metadata.get("dagster_dbt/failed_row_count")
    if data.description and failed is None:
        return str(data.description)
    return f"{failed.value} rows" if failed is not None else "failed"


def _print_summary(registry: Registry, outcomes: list[Outcome]) -> None:
    from inventory_platform.assets.dbt_project import docs_page
    from inventory_platform.operations.status import most_urgent_orders

    settings = registry.settings
    loads = {name: line for o in outcomes for name, line in o.loads.items()}
    checks = [c for o in outcomes for c in o.checks]
    if loads:
        _print_loads(registry, loads)
    for relation, reason in {k: v for o in outcomes for k, v in o.not_loaded.items()}.items():
        out.print(f"[yellow]Not loaded:[/] {relation}. {escape(reason)}", highlight=False)
    failed = sum(not c.passed and c.is_error for c in checks)
    warned = sum(not c.passed and not c.is_error for c in checks)
    passed = len(checks) - failed - warned
    out.print(
        f"Checks: [green]{passed} passed[/], [yellow]{warned} warned[/], [red]{failed} failed[/]."
        f"  Time: {sum(o.seconds for o in outcomes):.0f} s."
    )
    _print_failures(outcomes)
    if urgent := most_urgent_orders(registry):
        out.print("Order first:")
        for number, sentence in enumerate(urgent, start=1):
            out.print(f"  {number}. {escape(sentence)}", highlight=False, soft_wrap=True)
    out.print("Look at:")
    out.print("  lineage graph   make ui, then http://127.0.0.1:3000/asset-groups")
    out.print(f"  published marts {_shown(settings.published_dir / 'current')}")
    out.print(f"  models' docs    {_shown(docs_page(settings))}")
    out.print('  any table       inventory query "from marts.fct_stock_daily limit 5"')
    if any(line["rows_quarantined"] for line in loads.values()):
        out.print("  rejected rows   inventory quarantine list")


def _print_failures(outcomes: list[Outcome]) -> None:
    steps: dict[str, list[str]] = {}
    for outcome in outcomes:
        for step, reason in outcome.failures.items():
            steps.setdefault(reason, []).append(step)
    for reason, failed in steps.items():
        _print_error(", ".join(failed), reason)


def _print_error(where: str, text: str) -> None:
    err.print(f"[bold red]{where}:[/] {escape(text)}", highlight=False, soft_wrap=True)


def _print_loads(registry: Registry, loads: Any) -> None:
    table = Table(title="Loaded", title_justify="left")
    table.add_column("source")
    table.add_column("table")
    for name in ("read", "loaded", "quarantined", "deduplicated", "vanished"):
        table.add_column(name, justify="right")
    totals = dict.fromkeys(("read", "loaded", "quarantined", "deduplicated", "vanished"), 0)
    for relation, line in loads.items():
        contract = registry.contracts[relation]
        counts = {name: int(line[f"rows_{name}"]) for name in totals}
        for name, count in counts.items():
            totals[name] += count
        shown = [f"{counts[name]:,}" for name in totals]
        if counts["quarantined"]:
            shown[2] = f"[yellow]{shown[2]}[/]"
        table.add_row(contract.source, contract.name, *shown)
    table.add_section()
    table.add_row("", "all", *(f"{count:,}" for count in totals.values()))
    out.print(table)


def _shown(path: Path) -> str:
    return str(path.relative_to(PROJECT_DIR)) if path.is_relative_to(PROJECT_DIR) else str(path)


def _exit_for(outcomes: list[Outcome]) -> None:
    if any(o.failed_checks for o in outcomes):
        raise typer.Exit(3)
    if not all(o.success for o in outcomes):
        raise typer.Exit(1)


# -- looking -----------------------------------------------------------------------------


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show the newest load of every table, the quarantine and the published version."""
    from inventory_platform.operations.status import status as read_status
    from inventory_platform.operations.status import to_json
    from inventory_platform.registry import read_registry

    state = read_status(read_registry(get_settings()))
    if as_json:
        print(to_json(state))
        return
    table = Table()
    for name in ("source", "table", "last load", "read", "loaded", "in quarantine", "cursor"):
        table.add_column(name)
    for line in state["tables"]:
        last = line["last_load"]
        shown = (
            [f"{last['committed_at']:%Y-%m-%d %H:%M}", last["rows_read"], last["rows_loaded"]]
            if last
            else ["never", "", ""]
        )
        cursor = (last or {}).get("cursor_to") or ""
        values = [line["source"], line["table"], *shown, line["in_quarantine"], cursor]
        table.add_row(*map(str, values))
    out.print(table)
    holds = "holds for every load" if state["ledger_holds"] else "[red]does not hold[/]"
    out.print(f"Ledger: read = loaded + quarantined + deduplicated {holds}.")
    published = state["published"]
    out.print(f"Published: {published['published_at'] if published else 'nothing yet'}.")


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One query over the schemas raw, ops and marts.")],
    format: Annotated[Format, typer.Option(help="How rows are printed.")] = Format.table,
    limit: Annotated[int, typer.Option(help="Most rows printed as a table.")] = 100,
) -> None:
    """Run a read-only query over the last good state, also while a pipeline is running."""
    import csv

    from inventory_platform.operations.query import query as run_query
    from inventory_platform.operations.query import reader
    from inventory_platform.registry import read_registry

    settings = get_settings()
    with reader(settings, read_registry(settings).relations) as con:
        cursor = run_query(con, sql)
        names = [column[0] for column in cursor.description or []]
        match format:
            case Format.csv:
                writer = csv.writer(sys.stdout, lineterminator="\n")
                writer.writerow(names)
                while rows := cursor.fetchmany(10_000):
                    writer.writerows(rows)
            case Format.json:
                print(
                    json.dumps(
                        [dict(zip(names, row, strict=True)) for row in cursor.fetchall()],
                        default=_as_json,
                    )
                )
            case Format.table:
                rows = cursor.fetchmany(limit + 1)
                table = Table()
                for name in names:
                    table.add_column(name, overflow="fold")
                for row in rows[:limit]:
                    table.add_row(*("" if v is None else escape(str(v)) for v in row))
                out.print(table)
                if len(rows) > limit:
                    out.print(f"The first {limit} rows; --limit or --format csv shows more.")


def _as_json(value: Any) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)


@quarantine_app.command("list")
def quarantine_list() -> None:
    """Show how many rows are in quarantine, by table and reason."""
    query(
        "select source || '__' || table_name as relation, reason_code, status, count(*) as rows, "
        "min(reason) as example from ops.quarantine group by all order by all"
    )


@quarantine_app.command("show")
def quarantine_show(
    relation: Annotated[str, typer.Argument(help="Table, as <source>__<table>.")],
    limit: Annotated[int, typer.Option(help="Most rows shown.")] = 20,
) -> None:
    """Show a table's rejected rows with their reason and their content as it came."""
    from inventory_platform.duck import literal
    from inventory_platform.registry import read_registry

    contract = read_registry(get_settings()).find(relation)
    query(
        "select load_id, position, status, reason_code, reason, payload from ops.quarantine "
        f"where source = {literal(contract.source)} and table_name = {literal(contract.name)} "
        "order by load_id, position",
        limit=limit,
    )


@quarantine_app.command("replay")
def quarantine_replay(
    relation: Annotated[str, typer.Argument(help="Table, as <source>__<table>.")],
) -> None:
    """Judge a table's rejected rows again, by the contract as it is now."""
    from inventory_platform.landing.replay import replay
    from inventory_platform.registry import code_version, read_registry

    settings = get_settings()
    contract = read_registry(settings).find(relation)
    result = replay(settings, contract, code_version=code_version())
    if result is None:
        out.print(f"Nothing of {contract.relation} is in quarantine.")
        return
    out.print(
        f"{contract.relation}: {result.replayed} loaded, {result.superseded} superseded by newer "
        f"rows, {result.still_rejected} still rejected. `inventory run` brings them to the marts."
    )


# -- sources -----------------------------------------------------------------------------


@app.command("add-source")
def add_source(
    address: Annotated[
        str,
        typer.Argument(help="sqlite:///path, postgresql://…, mysql://…, a file or a folder."),
    ],
    name: Annotated[str, typer.Option(help="Name of the source here, in snake case.")],
    description: Annotated[str, typer.Option(help="One sentence on what it is.")] = "",
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "team:inventory",
    dry_run: Annotated[
        bool, typer.Option(help="Print the contract and the entry, write nothing.")
    ] = False,
) -> None:
    """Look at a source and write its contract, its entry and its staging models."""
    from inventory_platform.onboarding import add_source as add
    from inventory_platform.onboarding import draft_source

    if dry_run:
        draft = draft_source(get_settings(), address, name, description=description, owner=owner)
        print(f"{draft.contract}\n{draft.entry}")
        return
    added = add(get_settings(), address, name, description=description, owner=owner)
    out.print(f"{len(added.tables)} tables: {', '.join(added.tables)}")
    out.print(f"Contract  {_shown(added.contract_file)}")
    out.print(f"Entry     {_shown(added.sources_file)}")
    out.print(f"dbt       {len(added.dbt_files)} files")
    if added.to_review:
        out.print("Guessed, please review:")
        for line in added.to_review:
            out.print(f"  {escape(line)}", highlight=False)
    out.print("`inventory run` loads it.")


@sandbox_app.command("serve")
def sandbox_serve(
    name: Annotated[str, typer.Argument(help="linnworks, shop, pos, mqtt or kafka.")],
) -> None:
    """Run one of the sandbox's servers until interrupted, to look at it."""
    from inventory_platform.sources.sandboxed import sandbox_address, stop_sandbox

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    out.print(f"{name} answers on {sandbox_address(get_settings(), name)}  (Ctrl-C stops it)")
    sys.stdout.flush()
    try:
        signal.pause()
    except KeyboardInterrupt:
        stop_sandbox()


@sandbox_app.command("generate")
def sandbox_generate(
    rows: Annotated[
        int | None, typer.Option(help="Sales transactions; other tables follow.", min=100)
    ] = None,
    if_missing: Annotated[bool, typer.Option(help="Leave an existing sandbox alone.")] = False,
) -> None:
    """Write the sandbox's database and files: a plausible business with known dirt."""
    from inventory_platform.sandbox.files import generate as generate_files
    from inventory_platform.sandbox.inventory_db import generate

    settings = get_settings()
    path = settings.sandbox_database
    if if_missing and path.exists() and settings.sandbox_drop.exists():
        out.print(f"The sandbox exists: {_shown(path.parent)}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    made = generate(path, rows=rows or settings.sandbox_rows)
    files = generate_files(settings.sandbox_drop)
    table = Table("table", "rows", title=f"Sandbox database {_shown(path)}", title_justify="left")
    for name, count in made.row_counts.items():
        table.add_row(name, f"{count:,}")
    out.print(table)
    out.print(f"{len(files.rows)} files in {_shown(settings.sandbox_drop)}.")
    planted = sum(len(d.row_ids) for d in made.dirt)
    out.print(
        f"{planted} rows and {len(files.dirt)} places in files are planted dirt (docs/sandbox.md)."
    )


if __name__ == "__main__":
    main()
