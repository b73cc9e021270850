"""Finding files: a folder here or in object storage, or a single file, listed and told apart.

Only looking and reading: nothing in the folder is ever changed.
"""

from __future__ import annotations

import glob
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from inventory_platform.errors import SourceError
from inventory_platform.sources.files.signatures import RefusedFileError

log = logging.getLogger(__name__)

_UNFINISHED_ENDS = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".temp", "~")


@dataclass(frozen=True)
class Found:
    """A file that was found.

    Attributes:
        name: Its path below the folder.
        path: Its path as the file system takes it.
        size: Bytes.
        modified: Instant of the last change, in seconds since 1970.
    """

    name: str
    path: str
    size: int
    modified: float


class Folder:
    """A folder of files, or one file.

    Args:
        address: A path, or a URL such as `s3://bucket/drop`.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    @cached_property
    def _place(self) -> tuple[Any, str]:
        try:
            fs, root = fsspec.core.url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise SourceError(
                f"Folder {self.address} cannot be opened: {error}.",
                "Install the package for this kind of storage (s3fs, adlfs, gcsfs), or correct "
                "the address in sources.toml.",
            ) from error
        return fs, str(root).rstrip("/") or "/"

    @property
    def fs(self) -> Any:
        """The file system, as fsspec knows it."""
        return self._place[0]

    @property
    def root(self) -> str:
        """The folder's path in its file system."""
        return self._place[1]

    @property
    def is_local(self) -> bool:
        """Whether files can be read where they are."""
        return isinstance(self.fs, LocalFileSystem)

    def check(self) -> None:
        """Make sure that there is something.

        Raises:
            SourceError: There is nothing, or it may not be read.
        """
        try:
            is_there = self.fs.exists(self.root)
        except OSError as error:
            raise self._unreadable(error) from error
        if not is_there:
            raise SourceError(
                f"File or folder {self.address} does not exist.",
                "Correct the address in sources.toml.",
            )

    def shown(self, name: str) -> str:
        """A file's place, for messages."""
        if self.root.endswith(f"/{name}"):
            return self.root if self.is_local else self.address
        return f"{self.root if self.is_local else self.address.rstrip('/')}/{name}"

    def find(self, pattern: str) -> list[Found]:
        """The files a pattern means, by name; files with a temporary name are left out.

        A name that exists is taken as it is, even if it looks like a pattern. Where the
        source is one file, that is it whatever the pattern.

        Raises:
            SourceError: The folder cannot be listed.
        """
        try:
            if self.fs.isfile(self.root):
                return [self._found(self.root, PurePosixPath(self.root).name)]
            exact = f"{self.root}/{pattern}"
            if self.fs.isfile(exact):
                return [self._found(exact, pattern)]
            listed = self.fs.glob(f"{glob.escape(self.root)}/{pattern}", detail=True)
            names = {path: path.removeprefix(self.root).lstrip("/") for path in sorted(listed)}
            return [
                self._found(path, name)
                for path, name in names.items()
                if self._is_file(path, listed[path]["type"]) and not _is_unfinished(name)
            ]
        except OSError as error:
            raise self._unreadable(error) from error

    def listing(self, suffixes: tuple[str, ...]) -> list[str]:
        """Names of the files directly in the folder that end in one of the suffixes."""
        try:
            if self.fs.isfile(self.root):
                return [PurePosixPath(self.root).name]
            listed = self.fs.ls(self.root, detail=True)
        except OSError as error:
            raise self._unreadable(error) from error
        names = sorted(PurePosixPath(e["name"]).name for e in listed if e["type"] == "file")
        return [n for n in names if n.lower().endswith(suffixes) and not _is_unfinished(n)]

    def settled(self, found: list[Found], seconds: float) -> Iterator[Found]:
        """The files that nobody has written to for a while."""
        now = time.time()
        for file in found:
            # A clock that runs ahead wrote the future: that is over as long as it is away.
            if abs(now - file.modified) < seconds:
                log.info("%s is still being written; left for the next time", file.name)
                continue
            yield file

    def fingerprint(self, file: Found) -> str:
        """The hash of a file's content, or of where a link points that leads out of the folder."""
        outside = self._outside(file)
        if outside:
            return hashlib.sha256(f"link to {outside}".encode()).hexdigest()
        try:
            return _hash(self.fs, file.path, file.size, file.modified)
        except OSError as error:
            raise self._unreadable(error) from error

    def refuse_link(self, file: Found) -> None:
        """Refuse a link that leads out of the folder.

        Raises:
            RefusedFileError: It does.
        """
        outside = self._outside(file)
        if outside:
            raise RefusedFileError(
                f"File {self.shown(file.name)} is a link that leads out of the folder.",
                "Put the file itself there.",
            )

    def has_changed(self, file: Found) -> bool:
        """Whether a file is no longer the one that was found."""
        try:
            return self._found(file.path, file.name) != file
        except OSError:
            return True

    def fetch(self, file: Found, target: Path) -> None:
        """Copy a file to this machine."""
        try:
            self.fs.get_file(file.path, str(target))
        except OSError as error:
            raise self._unreadable(error) from error

    def _outside(self, file: Found) -> str | None:
        if not self.is_local or file.path == self.root:
            return None
        real = os.path.realpath(file.path)
        inside = os.path.realpath(self.root)
        return None if real.startswith(f"{inside.rstrip('/')}/") else real

    def _is_file(self, path: str, kind: str) -> bool:
        # Of a link only the file it leads to counts.
        return Path(path).is_file() if self.is_local else kind == "file"

    def _found(self, path: str, name: str) -> Found:
        if self.is_local:
            status = Path(path).stat()
            return Found(name, path, status.st_size, status.st_mtime)
        size = int(self.fs.info(path)["size"] or 0)
        return Found(name, path, size, self.fs.modified(path).timestamp())

    def _unreadable(self, error: OSError) -> SourceError:
        return SourceError(
            f"{self.address} cannot be read: {error}.",
            "Check that it is there and that this user may read it.",
            is_transient=isinstance(error, ConnectionError | TimeoutError),
        )


def _is_unfinished(name: str) -> bool:
    parts = PurePosixPath(name).parts
    is_hidden = any(part.startswith(".") for part in parts)
    own = parts[-1].lower()
    return is_hidden or own.startswith("~$") or own.endswith(_UNFINISHED_ENDS)


@lru_cache(maxsize=65_536)
def _hash(fs: Any, path: str, size: int, modified: float) -> str:
    """Hash a file, once for as long as it stays the same."""
    del size, modified
    with fs.open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
