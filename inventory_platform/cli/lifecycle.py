"""Commands that decide how long data lives: retention, compaction, erasing a person."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from inventory_platform.cli.console import app, err, out
from inventory_platform.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory_platform.landing.suppression import Erasure
    from inventory_platform.operations.erasure import Found
    from inventory_platform.operations.people import Start
    from inventory_platform.registry import Registry


@app.command()
def retention(
    apply: Annotated[bool, typer.Option("--apply", help="Remove it; else only report.")] = False,
) -> None:
    """Show what may go by the rules of retention.toml, or remove it."""
    from inventory_platform.operations.retention import retain
    from inventory_platform.registry import read_registry

    registry = read_registry(get_settings())
    with _progress("Looking at tables", len(registry.relations)) as done:
        found = retain(registry, datetime.now(UTC).date(), apply=apply, done=done)
    table = Table()
    for name in ("table", "zone", "files", "rows", "bytes", "oldest", "newest", "why"):
        table.add_column(name, overflow="fold")
    for kept in found:
        facts = (kept.name, kept.zone, kept.files, kept.rows, kept.bytes)
        table.add_row(*map(str, facts), str(kept.oldest), str(kept.newest), kept.why)
    if found:
        out.print(table)
    rows = sum(kept.rows for kept in found)
    if apply:
        out.print(f"{rows} rows removed. The ledger keeps its lines.")
    else:
        out.print(f"{rows} rows may go. `inventory retention --apply` removes them.")


@app.command()
def compact() -> None:
    """Merge the small files of past days and months; no row changes."""
    from inventory_platform.operations.compaction import compact as compact_all
    from inventory_platform.registry import read_registry

    registry = read_registry(get_settings())
    with _progress("Merging files", len(registry.relations)) as done:
        results = compact_all(registry, datetime.now(UTC).date(), done)
    for done_here in results:
        out.print(
            f"{done_here.relation}, {done_here.zone}: {done_here.merged} files became "
            f"{done_here.into}; {done_here.removed} merged before are gone."
        )
    out.print(f"{sum(r.merged for r in results)} files became {sum(r.into for r in results)}.")


@app.command()
def erase(
    source: Annotated[str | None, typer.Option(help="Source of --table.")] = None,
    table: Annotated[str | None, typer.Option(help="Table the person has a row in.")] = None,
    key: Annotated[str | None, typer.Option(help="Key of that row.")] = None,
    customer: Annotated[str | None, typer.Option(help="Customer, as the marts name them.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail address, in any source.")] = None,
    by: Annotated[str | None, typer.Option(help="Who asks for it, for the record.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Erase; else only report.")] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Erase everybody again, as after a restore.")
    ] = False,
    text: Annotated[
        list[str] | None,
        typer.Option(help="With --replay: text of theirs that their rows no longer tell."),
    ] = None,
) -> None:
    """Erase a person everywhere: show what would go, or blank it, record it and prove it.

    Business rows stay; their personal columns are blank.
    """
    from inventory_platform.operations.erasure import Eraser
    from inventory_platform.registry import read_registry

    registry = read_registry(get_settings())
    if replay:
        with err.status("Erasing …") as status:
            done = Eraser(registry, lambda what: status.update(f"{what} …")).replay(text or [])
        for erasure in done:
            _print_erasure(erasure)
        out.print(f"{len(done)} erasures hold.")
        return
    starts = _starts(registry, source, table, key, customer, email)
    with err.status("Looking …") as status:
        eraser = Eraser(registry, lambda what: status.update(f"{what} …"))
        found = eraser.find(starts)
        erasure_done = eraser.erase(found, by or getpass.getuser()) if apply else None
    _print_found(found)
    if erasure_done is None:
        out.print("Nothing was changed. `--apply` erases it.")
        return
    _print_erasure(erasure_done)
    out.print("`inventory rebuild` builds warehouse and marts anew without it.")


def _starts(
    registry: Registry,
    source: str | None,
    table: str | None,
    key: str | None,
    customer: str | None,
    email: str | None,
) -> list[Start]:
    from inventory_platform.operations.people import of_customer, of_email, of_key

    row = (source, table, key)
    if any(row) and not all(row):
        raise typer.BadParameter("--source, --table and --key belong together.")
    starts: list[Start] = []
    if source and table and key:
        starts.append(of_key(registry, source, table, key))
    if customer:
        starts += of_customer(registry, customer)
    if email:
        starts += of_email(registry, email)
    if not starts:
        raise typer.BadParameter("Name a row, a --customer or an --email.")
    return starts


def _print_found(found: Found) -> None:
    table = Table("table", "rows with personal data, all versions")
    for relation, rows in found.rows.items():
        table.add_row(relation, str(rows))
    out.print(table)
    if found.rejected:
        told = ", ".join(f"{n} of {relation}" for relation, n in found.rejected.items())
        out.print(f"Rejected rows with personal data: {told}.")
    out.print(f"{len(found.values)} texts stand nowhere else; they go from all other files too.")
    if found.elsewhere:
        out.print(
            f"An e-mail address of theirs is also in rows of others: {', '.join(found.elsewhere)}. "
            "If those are the same person, name them with --email as well."
        )


def _print_erasure(erasure: Erasure) -> None:
    erased = ", ".join(f"{n} in {zone}" for zone, n in erasure.erased.items()) or "none"
    scanned = ", ".join(f"{n} of {zone}" for zone, n in erasure.scanned.items())
    out.print(f"Erasure {erasure.erasure_id}: rows erased: {erased}; {erasure.files} files.")
    out.print(f"Proven at {erasure.proven_at}: nothing left in files: {scanned}.")


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[str], None]]:
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=err)
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda name: bar.update(task, advance=1, description=f"{what}: {name}")
