"""Load one table in a process that kills itself at a named point; a helper of the tests.

    python kill_driver.py <database> <data folder> <contract> [<module.function> <when> <n>]

`when` is `before` or `after`: the n-th call of the function is the last thing that happens.
"""

import importlib
import os
import signal
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import conftest

from inventory_platform.contracts.base import describe
from inventory_platform.landing.loader import Loader
from inventory_platform.settings import Settings
from inventory_platform.sources.sqlite import SqliteReader


def die_at(point: str, when: str, count: int) -> None:
    """Wrap a function of the landing package so that its n-th call ends this process."""
    module_name, _, name = point.partition(".")
    module: Any = importlib.import_module(f"inventory_platform.landing.{module_name}")
    *path, last = name.split(".")
    owner = reduce(getattr, path, module)
    original = getattr(owner, last)
    calls = 0

    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, last, wrapped)


def main() -> None:
    """Load the table, or die on the way."""
    database, data, name, *point = sys.argv[1:]
    if point:
        die_at(point[0], point[1], int(point[2]))
    contract = describe(getattr(conftest, name), "shop")
    settings = Settings(data_dir=Path(data), threads=1)
    record = Loader(settings, SqliteReader(database), address="sqlite").load(contract)
    sys.stdout.write(record.to_json())


if __name__ == "__main__":
    main()
