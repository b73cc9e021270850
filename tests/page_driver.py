"""Fetch two pages in a process that kills itself at a named point; a helper of the tests.

python page_driver.py <data folder> <function of landing.pages> <before|after>
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import test_pages

from inventory_platform.landing import pages
from inventory_platform.sources.base import Checkpoint


def die_at(point: str, when: str) -> None:
    """Make the first call of a function the last thing that happens."""
    original = getattr(pages, point)

    def wrapped(*arguments: Any) -> None:
        if when == "after":
            original(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(pages, point, wrapped)


if __name__ == "__main__":
    data_dir, point, when = sys.argv[1:]
    die_at(point, when)
    test_pages.Shop(Path(data_dir)).collect(
        test_pages.page("orders", [test_pages.order(1, "new")]),
        Checkpoint("one"),
        test_pages.page("orders", [test_pages.order(2, "new")]),
        Checkpoint("two"),
    )
