"""What a run shows: a bar and a line per event while it goes on, a summary at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from inventory_platform.cli.console import out, print_error, shown

if TYPE_CHECKING:
    import dagster as dg

    from inventory_platform.operations.runs import Outcome
    from inventory_platform.registry import Registry


class Reporter:
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
            case kind.STEP_UP_FOR_RETRY:
                self._line("WAIT", f"{event.step_key}: {event.message}", "yellow")
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


def print_summary(registry: Registry, outcomes: list[Outcome]) -> None:
    """Print what was loaded, what the checks said, what to order first and where to look."""
    from inventory_platform.operations.catalogue import index_page
    from inventory_platform.operations.status import most_urgent_orders
    from inventory_platform.publishing.parquet import current_link

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
    out.print(f"  all pages       make ui, then http://127.0.0.1:{settings.portal_port}")
    out.print(f"  published marts {shown(current_link(settings.published_dir))}")
    out.print(f"  the catalogue   {shown(index_page(settings))}")
    out.print('  any table       inventory query "from marts.fct_stock_daily limit 5"')
    if any(line["rows_quarantined"] for line in loads.values()):
        out.print("  rejected rows   inventory quarantine list")


def _print_failures(outcomes: list[Outcome]) -> None:
    steps: dict[str, list[str]] = {}
    for outcome in outcomes:
        for step, reason in outcome.failures.items():
            steps.setdefault(reason, []).append(step)
    for reason, failed in steps.items():
        print_error(", ".join(failed), reason)


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
