"""What every destination outside the platform shares: what it is given, what it reports.

A destination is handed a published version, never the warehouse: the folder of its Parquet
files, its manifest, and what the models say about their marts. How rows get to one kind of
system is a module of its own; whether they may is decided by the asset graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from inventory_platform.object_storage import StoragePath
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import Publication


@dataclass(frozen=True)
class Sent:
    """What became of one mart.

    Attributes:
        mart: Its name.
        rows: Rows it has now, there as here.
        rows_written: Rows that were sent; the others were there already.
        parts: Parts it is compared in, such as months.
        parts_written: Parts that were replaced.
        ddl: Statements that changed the table.
    """

    mart: str
    rows: int
    rows_written: int
    parts: int
    parts_written: int
    ddl: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """What one publication did.

    Attributes:
        version: The published version that readers see there now.
        sent: Every mart, also those that had not changed.
        left_over: What is there of marts no longer published; it was not touched.
        postponed: Statements that improve tables and are the owner's to run.
    """

    version: str
    sent: Sequence[Sent]
    left_over: Sequence[str] = ()
    postponed: Sequence[str] = ()


Tell = Callable[[str], None]
"""Takes a line on how far a publication is."""


def tell_nobody(_line: str) -> None:
    """For publications that nobody watches."""


class Destination(Protocol):
    """A system that marts are published to."""

    @property
    def name(self) -> str:
        """Name of the entry in `destinations.toml`."""

    @property
    def kind(self) -> str:
        """What kind of system it is, as shown on the asset graph."""

    @property
    def where(self) -> str:
        """Where it is, without secrets."""

    @property
    def marts(self) -> Sequence[str] | None:
        """The marts it is given; None for all."""

    def publish(
        self,
        folder: StoragePath,
        publication: Publication,
        marts: Sequence[Mart],
        tell: Tell = tell_nobody,
    ) -> Report:
        """Make readers there see a published version, old or new and never half.

        Args:
            folder: Where the Parquet files of the version are, here or in object storage.
            publication: What the version is.
            marts: The marts of it to publish.
            tell: Told of each mart that was written.

        Raises:
            DestinationUnavailableError: It may succeed later; nothing was changed.
            PublishError: It cannot succeed as things are; nothing was changed.
        """
