"""Unpacking compressed files without trusting them.

What an archive says about itself is checked before anything is unpacked, and what comes out
is counted while it comes, so that a small file cannot fill the disk. Names of members are
never used as paths.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from inventory_platform.sources.files.options import ARCHIVE_SUFFIXES
from inventory_platform.sources.files.signatures import RefusedFileError

MAX_ENTRIES = 10_000
MAX_UNPACKED = 8 << 30
"""Bytes that may come out of one archive."""
MAX_RATIO = 200
"""Times an archive may grow; text that repeats itself grows by ten to a hundred."""
HARMLESS = 16 << 20
"""Bytes up to which nobody asks how much an archive grew."""

_CHUNK = 1 << 20
_AGAIN = "Send it again; nothing of it was read."


def unpack(shown: str, source: Path, target: Path, suffix: str) -> Iterator[tuple[str, Path]]:
    """Unpack an archive and yield what was in it: name and file.

    Args:
        shown: How the archive is called in messages.
        source: The archive.
        target: An empty folder.
        suffix: `.gz` or `.zip`.

    Raises:
        RefusedFileError: The archive is damaged, protected, too large, or holds something it
            should not.
    """
    if suffix == ".gz":
        out = target / "0"
        limit = _limit(source.stat().st_size)
        with gzip.open(source) as packed:
            _pour(shown, packed, out, limit)
        yield PurePosixPath(shown).stem, out
        return
    with open_zip(shown, source) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        for info in members:
            _check_member(shown, info)
        for number, info in enumerate(members):
            out = target / str(number)
            with archive.open(info) as packed:
                _pour(shown, packed, out, info.file_size)
            yield info.filename, out


def open_zip(shown: str, source: Path) -> zipfile.ZipFile:
    """Open a ZIP archive that is as large as it may be.

    Raises:
        RefusedFileError: It is damaged, or would grow too much.
    """
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RefusedFileError(
            f"File {shown} is not a complete archive: {error}.", _AGAIN
        ) from error
    entries = archive.infolist()
    unpacked = sum(info.file_size for info in entries)
    if len(entries) > MAX_ENTRIES:
        archive.close()
        raise RefusedFileError(
            f"File {shown} holds {len(entries):,} entries; {MAX_ENTRIES:,} are allowed.", _AGAIN
        )
    if unpacked > _limit(source.stat().st_size):
        archive.close()
        raise _bomb(shown, unpacked)
    return archive


def _limit(packed: int) -> int:
    return min(MAX_UNPACKED, max(HARMLESS, packed * MAX_RATIO))


def _bomb(shown: str, unpacked: int) -> RefusedFileError:
    return RefusedFileError(
        f"File {shown} would unpack to {unpacked >> 20:,} MB or more, far more than its size "
        "allows.",
        f"Up to {MAX_RATIO} times its size and {MAX_UNPACKED >> 30} GB are unpacked; send it in "
        "smaller pieces, or without compression.",
    )


def _check_member(shown: str, info: zipfile.ZipInfo) -> None:
    name = info.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise RefusedFileError(
            f"File {shown} holds an entry that points outside of it: {name!r}.",
            "Do not trust its sender.",
        )
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        raise RefusedFileError(
            f"File {shown} holds an archive inside the archive: {name!r}.",
            "Send the files in one archive.",
        )
    if info.flag_bits & 1:
        raise RefusedFileError(f"File {shown} is protected by a password.", "Send it without one.")


def _pour(shown: str, packed: IO[bytes] | gzip.GzipFile, out: Path, limit: int) -> None:
    """Write what comes out of a packed stream, up to a limit."""
    written = 0
    try:
        with out.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                if written > limit:
                    raise _bomb(shown, written)
                file.write(chunk)
    except (
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        zipfile.BadZipFile,
        NotImplementedError,
    ) as error:
        raise RefusedFileError(
            f"File {shown} is not a complete archive: {error}.", _AGAIN
        ) from error
