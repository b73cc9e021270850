"""Fetch from the sandbox's tills in a process that kills itself at a named point; for tests.

python fetch_driver.py <address> <data folder> <fetch> <module.function> <when> <n>
"""

import sys
from pathlib import Path

from kill_driver import die_at

from inventory_platform.landing.lake import Lake
from inventory_platform.landing.pages import PageStore
from inventory_platform.settings import Settings
from inventory_platform.sources.rest import RestFetcher


def main() -> None:
    """Fetch, and die on the way."""
    # Not by way of the package: this runs as a script beside its siblings.
    from test_rest_end_to_end import OPTIONS

    address, data, fetch, point, when, count = sys.argv[1:]
    die_at(point, when, int(count))
    store = PageStore(Lake(Settings(data_dir=Path(data)).lake_dir), "pos_api", fetch)
    store.collect(RestFetcher(address, OPTIONS), timeout_seconds=5)


if __name__ == "__main__":
    main()
