"""How records that stay on disk are read by a later version of the platform, or refused.

The rule, for every kind of record (`docs/backup.md` says it for people):

- A record says its `format`, a number; one without is of format 1.
- A field may be added at any time if it has a default that is right for earlier records. The
  format stays; earlier versions of the platform do not look at the field.
- Whatever else changes (a field renamed, gone, or of another meaning) makes a new format and
  comes with an upgrade: a function from the fields of the format before to those of the next.
- A record of a later format than the platform knows is refused, never guessed at.

What the fields mean belongs to the records; SQL that reads them (`ops.loads`) names its columns
and takes what is missing as null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from inventory_platform.errors import InventoryError
from inventory_platform.object_storage import StoragePath, plain_errors

T = TypeVar("T")
Fields = dict[str, Any]


class RecordFormat(Generic[T]):
    """Reads and writes one kind of record as JSON.

    Args:
        kind: The dataclass of the newest format.
        what: What a record is, for errors: "load record".
        upgrades: How fields of format 1 become those of format 2, and so on.
    """

    def __init__(
        self, kind: type[T], what: str, upgrades: Sequence[Callable[[Fields], Fields]] = ()
    ) -> None:
        self.what = what
        self._adapter = TypeAdapter(kind)
        self._upgrades = tuple(upgrades)

    @property
    def newest(self) -> int:
        """The format that is written."""
        return len(self._upgrades) + 1

    def write(self, record: T, indent: int | None = 1) -> str:
        """A record as one JSON document."""
        fields = {"format": self.newest, **self._adapter.dump_python(record, mode="json")}
        return json.dumps(fields, indent=indent)

    def read(self, text: str | bytes) -> T:
        """A record of this or any earlier format.

        Raises:
            InventoryError: The text is no such record, or one of a later format.
        """
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise self._damaged("it is no JSON object")
        # Before anything else, as the rest of a later format cannot be judged.
        written = fields.pop("format", 1)
        if not isinstance(written, int) or written < 1:
            raise self._damaged("its format is no number")
        if written > self.newest:
            raise InventoryError(
                f"A {self.what} is of format {written}; this version of the platform knows "
                f"formats up to {self.newest}.",
                "Use the version of the platform that wrote it, or a later one.",
            )
        for upgrade in self._upgrades[written - 1 :]:
            fields = upgrade(fields)
        try:
            return self._adapter.validate_python(fields)
        except ValidationError as error:
            names = sorted({".".join(map(str, e["loc"])) for e in error.errors()})
            raise self._damaged(f"wrong or missing: {', '.join(names)}") from None

    def read_file(self, path: StoragePath) -> T:
        """The record in a file, here or in object storage.

        Raises:
            InventoryError: It is no such record, or one of a later format.
            StorageError: Object storage does not answer.
        """
        with plain_errors(path):
            return self.read(path.read_bytes())

    def _damaged(self, why: str) -> InventoryError:
        return InventoryError(
            f"A {self.what} cannot be read: {why}.",
            "`inventory verify` names the files that are damaged; a backup has them whole.",
        )
