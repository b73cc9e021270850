"""Commands that go on until interrupted: the pages people open, following a stream."""

from __future__ import annotations

import math
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inventory_platform.cli.console import app, out
from inventory_platform.settings import PROJECT_DIR, get_settings

if TYPE_CHECKING:
    from inventory_platform.landing.lake import LoadRecord


@app.command()
def ui(
    read_only: Annotated[
        bool, typer.Option(help="To look at: Dagster without buttons, and no daemon.")
    ] = False,
) -> None:
    """Open Dagster, the dashboard and the docs on this machine, until interrupted."""
    from inventory_platform.assets.dbt_project import prepare_manifest
    from inventory_platform.operations.processes import Supervisor, refuse_taken_ports
    from inventory_platform.operations.programs import programs, state_file
    from inventory_platform.operations.runs import prepare_instance
    from inventory_platform.registry import read_registry

    def tell(line: str) -> None:
        out.print(line, highlight=False, markup=False)
        sys.stdout.flush()

    settings = get_settings()
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.chdir(PROJECT_DIR)
    with tempfile.TemporaryDirectory() as folder:
        started = programs(settings, Path(folder), read_only=read_only)
        refuse_taken_ports(started)
        prepare_instance(settings)
        prepare_manifest(read_registry(settings))
        supervisor = Supervisor(
            started,
            logs=settings.data_dir / "logs",
            state_file=state_file(settings, read_only=read_only),
            tell=tell,
        )
        # Also where a shell that started this in the background ignores SIGINT for it: what is
        # caught here is not ignored by the programs, which would then outlive us.
        for signal_to_stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_to_stop, lambda *_: supervisor.stop())
        with supervisor:
            address = settings.public_url or f"http://127.0.0.1:{settings.portal_port}"
            supervisor.watch(lambda: tell(f"Open {address}  (Ctrl-C stops everything)"))
            tell("Stopping …")


@app.command()
def stream(
    source: Annotated[str, typer.Argument(help="A source with an address mqtt://… or kafka://….")],
    seconds: Annotated[
        float, typer.Option(help="How long to gather messages for one load.", min=0.05, max=3600)
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

    if math.isnan(seconds):
        raise typer.BadParameter("--seconds is a number.")
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
