"""Commands that go on until interrupted: Dagster's pages, following a stream."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inventory_platform.cli.console import app, out
from inventory_platform.settings import PROJECT_DIR, get_settings

if TYPE_CHECKING:
    from inventory_platform.landing.lake import LoadRecord


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

    from inventory_platform.operations.logs import log_to_file
    from inventory_platform.operations.runs import prepare_instance
    from inventory_platform.operations.streaming import Pace, reporter
    from inventory_platform.operations.streaming import stream as follow
    from inventory_platform.registry import read_registry

    settings = get_settings()
    prepare_instance(settings)
    registry = read_registry(settings)
    entry = registry.source(source)
    report = reporter(dg.DagsterInstance.get())
    log_to_file(settings)

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
