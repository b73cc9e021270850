"""Commands of the sandbox: the outside world in a box, for trying."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer
from rich.table import Table

from inventory_platform.cli.console import app, out, shown
from inventory_platform.settings import get_settings

sandbox_app = typer.Typer(help="The outside world in a box, for trying.", no_args_is_help=True)
app.add_typer(sandbox_app, name="sandbox")


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
    from inventory_platform.sandbox.hosted import generate as generate_hosted
    from inventory_platform.sandbox.inventory_db import generate

    settings = get_settings()
    path = settings.sandbox_database
    # Written apart, so that a sandbox from before there were any keeps its other data.
    if not if_missing or not settings.sandbox_hosted.exists():
        generate_hosted(settings.sandbox_hosted)
    if if_missing and path.exists() and settings.sandbox_drop.exists():
        out.print(f"The sandbox exists: {shown(path.parent)}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    made = generate(path, rows=rows or settings.sandbox_rows)
    files = generate_files(settings.sandbox_drop)
    table = Table("table", "rows", title=f"Sandbox database {shown(path)}", title_justify="left")
    for name, count in made.row_counts.items():
        table.add_row(name, f"{count:,}")
    out.print(table)
    out.print(f"{len(files.rows)} files in {shown(settings.sandbox_drop)}.")
    out.print(f"Databases of hosted businesses in {shown(settings.sandbox_hosted)}.")
    planted = sum(len(d.row_ids) for d in made.dirt)
    out.print(
        f"{planted} rows and {len(files.dirt)} places in files are planted dirt (docs/sandbox.md)."
    )
