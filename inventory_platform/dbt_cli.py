"""The dbt command line, made to answer without the network.

`dbt --version` asks the package index for newer releases, three seconds where it answers
and worse where it does not, and Dagster asks for the version before every build. Here it
is told from what is installed; everything else is dbt itself.
"""

from __future__ import annotations

import sys
from importlib.metadata import version


def main() -> None:
    """Run dbt with the arguments of this process."""
    if sys.argv[1:] == ["--version"]:
        print(version("dbt-core"))
        return
    from dbt.cli.main import cli

    cli()


if __name__ == "__main__":
    main()
