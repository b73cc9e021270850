"""What was worked out for a day and must not be forgotten: one file per table and day.

    planning/<table>/as_of=YYYY-MM-DD/<table>.parquet

Everything else in the warehouse can be worked out again; what was expected on an earlier day
cannot. A file is written aside and appears at once; working a day out again replaces it.
What the rows mean is the business of whoever keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from inventory_platform.landing.lake import Lake, place
from inventory_platform.object_storage import StoragePath, files_below, plain_errors

_ZONE = "planning"


@dataclass(frozen=True)
class Snapshots:
    """The kept days of one table.

    Attributes:
        lake: Where they are.
        table: The table.
    """

    lake: Lake
    table: str

    @property
    def pattern(self) -> str:
        """All kept days, as SQL names their files."""
        folder = self.lake.root / _ZONE / self.table
        return self.lake.sql_path(folder / "as_of=*" / f"{self.table}.parquet")

    def days(self) -> list[date]:
        """The days that are kept, oldest first."""
        folder = self.lake.root / _ZONE / self.table
        kept = files_below(folder, f"as_of=*/{self.table}.parquet")
        return sorted(date.fromisoformat(path.parent.name.removeprefix("as_of=")) for path in kept)

    def read(self, as_of: date) -> pl.DataFrame:
        """The rows of a kept day."""
        path = self._file(as_of)
        with plain_errors(path), path.open("rb") as file:
            return pl.read_parquet(file, hive_partitioning=False)

    def keep(self, as_of: date, rows: pl.DataFrame) -> None:
        """Keep the rows of a day, instead of those kept for it before."""
        with self.lake.staging_named(f"{_ZONE}__{self.table}") as folder:
            staged = folder / f"{self.table}.parquet"
            rows.write_parquet(staged, compression="zstd")
            place(staged, self._file(as_of))

    def _file(self, as_of: date) -> StoragePath:
        folder = self.lake.root / _ZONE / self.table / f"as_of={as_of.isoformat()}"
        return folder / f"{self.table}.parquet"
