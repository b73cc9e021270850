"""The `inventory` command: everything a person does with the platform from a terminal.

Commands parse their arguments, call the platform and print; each module holds those of one
purpose. Exit codes: 0 all well, 1 a run or command failed, 2 wrong usage, 3 the run ended but
a check failed with severity error. Heavy parts are imported inside the commands, so that
`--help` answers at once.
"""

from __future__ import annotations

import sys

from inventory_platform.cli import (
    alerts,
    backup,
    destinations,
    docs,
    export,
    lifecycle,
    logs,
    look,
    migrate,
    run,
    sandbox,
    serve,
    sources,
)
from inventory_platform.cli.console import app, print_error
from inventory_platform.errors import InventoryError

__all__ = [
    "alerts",
    "app",
    "backup",
    "destinations",
    "docs",
    "export",
    "lifecycle",
    "logs",
    "look",
    "main",
    "migrate",
    "run",
    "sandbox",
    "serve",
    "sources",
]


def main() -> None:
    """Run the command line; an error the platform raises on purpose is printed, not traced."""
    try:
        app()
    except InventoryError as error:
        print_error("Error", str(error))
        sys.exit(1)
