"""How much is stored in each layer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from inventory_platform.object_storage import StoragePath, plain_errors
from inventory_platform.settings import Settings


def measure(settings: Settings, dagster_home: Path, now: datetime) -> list[dict[str, Any]]:
    """Number and bytes of the files of each layer; a layer that is not there has none."""
    warehouse = settings.warehouse_file
    lake = settings.lake_root
    layers: dict[str, list[StoragePath]] = {
        "raw": [lake / "raw"],
        "quarantine": [lake / "quarantine"],
        "pages": [lake / "pages"],
        "warehouse": [warehouse, Path(f"{warehouse}.wal")],
        "published": [settings.published_dir],
        "dagster": [dagster_home],
        "logs": [settings.data_dir / "logs"],
    }
    found = []
    for layer, paths in layers.items():
        sizes = [size for path in paths for size in _sizes(path)]
        found.append({"layer": layer, "files": len(sizes), "bytes": sum(sizes), "measured_at": now})
    return found


def _sizes(path: StoragePath) -> Iterator[int]:
    """Size of a file, or of every file below a folder; links are not followed."""
    if not isinstance(path, Path):
        with plain_errors(path):
            found = path.fs.find(path.path, detail=True)
        yield from (info["size"] for info in found.values())
        return
    if path.is_dir():
        try:
            entries = list(os.scandir(path))
        except FileNotFoundError:  # removed meanwhile
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield from _size(Path(entry.path))
    else:
        yield from _size(path)


def _size(path: Path) -> Iterator[int]:
    try:
        yield path.stat().st_size
    except FileNotFoundError:
        return
