"""What processes that were killed left behind in the data folder: rows in clear, among others.

Temporary files and published versions that were never finished; a process that ends removes its
own. Logs and dbt's folders are the business of `automation/maintenance.py`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from inventory_platform.settings import Settings


def remove_leftovers(settings: Settings, older_than_seconds: float) -> int:
    """Remove temporary files and unfinished versions that have not changed for some time.

    Args:
        settings: Where they are.
        older_than_seconds: How long; what is younger may belong to a process that is alive.

    Returns:
        How many were removed.
    """
    oldest = time.time() - older_than_seconds
    gone = 0
    for path in list(_temporary(settings)):
        try:
            if path.lstat().st_mtime > oldest:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            gone += 1
        except FileNotFoundError:
            pass  # Its process was alive, and ended meanwhile.
    return gone


def _temporary(settings: Settings) -> Iterator[Path]:
    # A process that spills rows expects the folder to stay.
    spill = settings.temp_dir / "spill"
    yield from (path for path in settings.temp_dir.glob("*") if path != spill)
    yield from spill.glob("*")
    for root in (settings.published_dir, settings.live_dir, settings.operations_dir):
        if isinstance(root, Path):
            yield from (root / "versions").glob(".*")
