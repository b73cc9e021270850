"""Compact a shop's tables in a process that kills itself at a named point; a helper of the tests.

python compaction_driver.py <data folder> <module.function> <when> <n>
"""

import sys
from datetime import date
from pathlib import Path

import conftest
import kill_driver

from inventory_platform.contracts.base import describe
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings


def main() -> None:
    """Compact, or die on the way."""
    data, point, when, count = sys.argv[1:]
    kill_driver.die_at(point, when, int(count))
    # Only now, so that it takes the function that kills.
    from inventory_platform.operations.compaction import compact

    contract = describe(conftest.Items, "shop")
    registry = Registry(Settings(data_dir=Path(data), threads=1), {}, {"shop__items": contract})
    compact(registry, date(2026, 6, 10))


if __name__ == "__main__":
    main()
