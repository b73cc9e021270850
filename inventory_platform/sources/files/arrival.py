"""Bringing files to where they can be read: fetched, unpacked and encoded in UTF-8.

Plain local files are read where they are; everything else is written to a temporary folder,
which may only grow so far.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from inventory_platform.duck import literal
from inventory_platform.sources.files.archives import unpack
from inventory_platform.sources.files.folder import Folder, Found
from inventory_platform.sources.files.options import (
    ARCHIVE_SUFFIXES,
    LINES_SUFFIXES,
    READABLE_SUFFIXES,
    TEXT_SUFFIXES,
    FileOptions,
)
from inventory_platform.sources.files.signatures import HEAD, RefusedFileError, check_signature

MAX_STAGED = 16 << 30
"""Bytes the temporary folder of one load may hold."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Part:
    """A file that can be read: one of a folder, or a member of an archive.

    Attributes:
        number: Its place among the files of a load; the later is the newer.
        origin: Its name in the source.
        shown: Its place, for messages.
        path: Where it can be read.
        suffix: What kind of file it is.
        options: How it is written.
    """

    number: int
    origin: str
    shown: str
    path: Path
    suffix: str
    options: FileOptions


@dataclass(frozen=True)
class Origins:
    """How a scan of several files tells which row came from which.

    Attributes:
        option: What the scan needs besides.
        columns: The scan's own columns, as SQL lists them.
        origin: SQL of the name of a row's file.
    """

    option: str
    columns: str
    origin: str


def origins(parts: Sequence[Part]) -> Origins:
    """How a scan of these files tells which row came from which."""
    if len(parts) == 1:
        return Origins("", "*", literal(parts[0].origin))
    listed = ", ".join(f"{literal(str(p.path))}: {literal(p.origin)}" for p in parts)
    return Origins(
        ", filename = 'file:path'", '* exclude ("file:path")', f'map {{{listed}}}["file:path"]'
    )


class Arrivals:
    """The files of one load, as they come.

    Args:
        folder: Where they come from.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._temporary = tempfile.TemporaryDirectory(prefix="inventory-files-")
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be brought here."""
        staged = sum(p.stat().st_size for p in Path(self._temporary.name).rglob("*"))
        return staged >= MAX_STAGED

    def bring(self, file: Found, options: FileOptions) -> list[Part]:
        """Make one file readable.

        Raises:
            RefusedFileError: Nothing of it can be read; says why.
        """
        self.folder.refuse_link(file)
        path = Path(file.path)
        if not self.folder.is_local:
            if file.size > MAX_STAGED:
                raise RefusedFileError(
                    f"File {self.folder.shown(file.name)} is larger than {MAX_STAGED >> 30} GB.",
                    "Send it in smaller pieces.",
                )
            path = self.scratch()
            self.folder.fetch(file, path)
        shown, suffix = self.folder.shown(file.name), _suffix(file.name)
        if suffix not in ARCHIVE_SUFFIXES:
            return [self._part(file.name, shown, path, options)]
        _check(shown, suffix, path)
        target = self.scratch()
        target.mkdir()
        return [
            self._part(f"{file.name}/{name}", f"{shown}/{name}", member, options)
            for name, member in unpack(shown, path, target, suffix)
        ]

    def _part(self, origin: str, shown: str, path: Path, options: FileOptions) -> Part:
        suffix = _suffix(origin)
        if suffix not in READABLE_SUFFIXES:
            raise RefusedFileError(
                f"File {shown} is of no kind that can be read.",
                f"Use a file that ends in {', '.join((*READABLE_SUFFIXES, *ARCHIVE_SUFFIXES))}.",
            )
        if suffix in (*TEXT_SUFFIXES, *LINES_SUFFIXES, ".json"):
            if options.is_utf8:
                _check(shown, suffix, path)
            else:
                path = self._as_utf8(shown, path, options.encoding)
        else:
            _check(shown, suffix, path)
        self._count += 1
        return Part(self._count, origin, shown, path, suffix, options)

    def _as_utf8(self, shown: str, path: Path, encoding: str) -> Path:
        target = self.scratch()
        try:
            with (
                path.open(encoding=encoding, newline="") as source,
                target.open("w", encoding="utf-8", newline="") as copy,
            ):
                while chunk := source.read(_CHUNK):
                    copy.write(chunk)
        except UnicodeError as error:
            raise RefusedFileError(
                f"File {shown} is not {encoding}: {error}.",
                "Declare the encoding it is really written in.",
            ) from error
        _check(shown, _suffix(shown), target)
        return target

    def scratch(self) -> Path:
        """A path for one more file of this load."""
        return Path(tempfile.mkdtemp(dir=self._temporary.name)) / "file"


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _check(shown: str, suffix: str, path: Path) -> None:
    with path.open("rb") as file:
        check_signature(shown, suffix, file.read(HEAD))
