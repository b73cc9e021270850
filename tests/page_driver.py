"""Fetch two pages in a process that kills itself at a named point; a helper of the tests.

python page_driver.py <data folder> <function of landing.pages> <before|after>
"""

import sys
from pathlib import Path

import test_pages
from kill_driver import die_at

from inventory_platform.sources.base import Checkpoint

if __name__ == "__main__":
    data_dir, point, when = sys.argv[1:]
    die_at(f"pages.{point}", when, 1)
    test_pages.Shop(Path(data_dir)).collect(
        test_pages.page("orders", [test_pages.order(1, "new")]),
        Checkpoint("one"),
        test_pages.page("orders", [test_pages.order(2, "new")]),
        Checkpoint("two"),
    )
