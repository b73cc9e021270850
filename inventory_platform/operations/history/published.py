"""Reading the published history of operations, cheaply and often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from inventory_platform.object_storage import StoragePath, plain_errors
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings


@dataclass(frozen=True)
class Published:
    """A published version of the history.

    Attributes:
        folder: Its files; they never change, so what was worked out of them can be kept.
        published_at: When it was published, naive UTC.
    """

    folder: StoragePath
    published_at: datetime

    def table(self, name: str) -> pl.LazyFrame:
        """One of its tables."""
        path = self.folder / f"{name}.parquet"
        if isinstance(path, Path):
            return pl.scan_parquet(path)
        # The tables are small, and credentials are found in one way only.
        with plain_errors(path), path.open("rb") as file:
            return pl.read_parquet(file, hive_partitioning=False).lazy()


def read_published(settings: Settings) -> Published | None:
    """The current version, or None before the first."""
    found = current_publication(settings.operations_dir)
    if found is None:
        return None
    folder, publication = found
    return Published(folder, datetime.fromisoformat(publication.published_at))
