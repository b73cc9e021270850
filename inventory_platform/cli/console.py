"""What all commands share: the application, where they print, how they name a path.

Commands are in the siblings, which register themselves with `app`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from inventory_platform.settings import PROJECT_DIR

if TYPE_CHECKING:
    from inventory_platform.object_storage import StoragePath

app = typer.Typer(
    help="Inventory data platform: load, check, build and publish.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from inventory_platform.code_version import code_version

        out.print(code_version(), highlight=False)
        raise typer.Exit


@app.callback()
def _platform(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the release and the state of the code, as every load writes it down.",
        ),
    ] = False,
) -> None:
    """Take what stands before the command."""
    del version


# Written to a file or a pipe, lines are not cut to the width of a terminal nobody has.
WIDTH = None if sys.stdout.isatty() else 140
out = Console(width=WIDTH)
err = Console(stderr=True)


def print_error(where: str, text: str) -> None:
    """Tell what went wrong, on the error stream."""
    err.print(f"[bold red]{where}:[/] {escape(text)}", highlight=False, soft_wrap=True)


def shown(path: StoragePath) -> str:
    """A path as a person sees it: relative to the project where it lies in it."""
    if isinstance(path, Path) and path.is_relative_to(PROJECT_DIR):
        return str(path.relative_to(PROJECT_DIR))
    return str(path)
