"""The dbt command line, made to answer without the network and to know its project again.

`dbt --version` asks the package index for newer releases, three seconds where it answers
and worse where it does not, and Dagster asks for the version before every build. Here it
is told from what is installed.

dbt reads its whole project anew, some seconds, when the address of its database is not the one
it read the project with. Here it works in the warehouse's folder, where every warehouse has the
same address. Everything else is dbt itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

PATHS = {
    *("--project-dir", "--profiles-dir", "--log-path"),
    *("--state", "--defer-state", "--partial-parse-file-path"),
}
"""Options whose paths begin where dbt works; all others begin in the project."""


def main() -> None:
    """Run dbt with the arguments of this process."""
    if sys.argv[1:] == ["--version"]:
        print(version("dbt-core"))
        return
    if "INVENTORY_WAREHOUSE" in os.environ:
        _work_beside(Path(os.environ["INVENTORY_WAREHOUSE"]).absolute())
    from dbt.cli.main import cli

    cli()


def _work_beside(warehouse: Path) -> None:
    sys.argv[1:] = _with_absolute_paths(sys.argv[1:])
    for name in ("DBT_PROJECT_DIR", "DBT_PROFILES_DIR"):
        os.environ[name] = str(Path(os.environ.get(name, ".")).absolute())
    lake = os.environ.get("INVENTORY_LAKE")
    os.environ["INVENTORY_WAREHOUSE"] = warehouse.name
    if lake:
        os.environ["INVENTORY_LAKE"] = os.path.relpath(lake, warehouse.parent)
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    os.chdir(warehouse.parent)


def _with_absolute_paths(arguments: Iterable[str]) -> Iterator[str]:
    before = ""
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if before in PATHS:
            yield str(Path(argument).absolute())
        elif equals and name in PATHS:
            yield f"{name}={Path(path).absolute()}"
        else:
            yield argument
        before = argument


if __name__ == "__main__":
    main()
