"""Reading the published history of operations, cheaply and often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings


@dataclass(frozen=True)
class Published:
    """A published version of the history.

    Attributes:
        folder: Its files; they never change, so what was worked out of them can be kept.
        published_at: When it was published, naive UTC.
    """

    folder: Path
    published_at: datetime

    def table(self, name: str) -> pl.LazyFrame:
        """One of its tables."""
        return pl.scan_parquet(self.folder / f"{name}.parquet")


def read_published(settings: Settings) -> Published | None:
    """The current version, or None before the first."""
    found = current_publication(settings.operations_dir)
    if found is None:
        return None
    folder, publication = found
    return Published(folder, datetime.fromisoformat(publication.published_at))
