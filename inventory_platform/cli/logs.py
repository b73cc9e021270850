"""The command that reads the structured logs."""

from __future__ import annotations

import json
from collections import deque
from typing import Annotated, Any

import typer
from rich.markup import escape

from inventory_platform.cli.console import app, err, out
from inventory_platform.settings import get_settings

_STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


@app.command()
def logs(
    run: Annotated[str | None, typer.Option(help="Lines of this run; its id's beginning.")] = None,
    asset: Annotated[str | None, typer.Option(help="Lines of this asset.")] = None,
    level: Annotated[str, typer.Option(help="Lines at least this severe.")] = "DEBUG",
    since: Annotated[
        str | None, typer.Option(help="Lines since 30m, 2h, 7d, or an instant.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print lines as they are kept.")] = False,
    limit: Annotated[int, typer.Option(help="Most lines printed, the newest.", min=1)] = 200,
) -> None:
    """Show what runs and streams logged: by run, asset, level and time."""
    from datetime import UTC, datetime

    from inventory_platform.operations import log_reader
    from inventory_platform.operations.logs import log_file, log_files

    settings = get_settings()
    begin = log_reader.since(since, datetime.now(UTC)) if since else None
    wanted = log_reader.Filter(run, asset, log_reader.level_of(level), begin)
    reader = log_reader.LogReader(wanted)
    for line in deque(reader.read(log_files(settings)), maxlen=limit):
        _print(line, as_json)
    if reader.damaged:
        err.print(f"{reader.damaged} damaged lines are left out.")
    if follow:
        try:
            for line in reader.follow(log_file(settings), lambda: False):
                _print(line, as_json)
        except KeyboardInterrupt:
            return


def _print(line: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(line, ensure_ascii=False), flush=True)
        return
    where = line.get("asset") or line.get("step") or line.get("job") or ""
    run = str(line.get("run_id") or "")[:8]
    style = _STYLES.get(line["level"], "dim")
    text = line.get("error") or line["message"]
    out.print(
        f"{line['timestamp'][:19]}  [{style}]{line['level']:<8}[/]{run:<10}"
        f"{escape(str(where))}  {escape(str(text))}",
        highlight=False,
        soft_wrap=True,
    )
