"""What a file really is, by its first bytes, whatever its name says."""

from __future__ import annotations

from inventory_platform.errors import SourceError

HEAD = 512
"""Bytes that are looked at."""

_BINARY = {
    b"PK\x03\x04": "a ZIP archive or a workbook",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old or a password-protected workbook",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"SQLite format 3\x00": "a SQLite database",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x89PNG": "a picture",
}
_TEXT = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<?xml": "an XML document",
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer, not the file itself",
}
_EXPECTED = {
    ".gz": b"\x1f\x8b",
    ".zip": b"PK\x03\x04",
    ".xlsx": b"PK\x03\x04",
    ".xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ".parquet": b"PAR1",
}


class RefusedFileError(SourceError):
    """Nothing of a file can be taken in; the others are not affected."""


def check_signature(shown: str, suffix: str, head: bytes) -> None:
    """Refuse a file whose first bytes contradict its name.

    Args:
        shown: How the file is called in messages.
        suffix: What its name ends with, such as `.csv`.
        head: Its first bytes.

    Raises:
        RefusedFileError: It is empty, or something else than its name says.
    """
    if not head:
        raise RefusedFileError(f"File {shown} is empty.", "Wait for a complete file, or remove it.")
    expected = _EXPECTED.get(suffix)
    if expected is not None and head.startswith(expected):
        return
    found = next((what for start, what in _BINARY.items() if head.startswith(start)), None)
    if found is None:
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        found = next((what for start, what in _TEXT.items() if text.startswith(start)), None)
    if found is None and expected is not None:
        found = "something else"
    if found is not None:
        raise RefusedFileError(
            f"File {shown} is named {suffix} but is {found}.",
            "Send it again in the format its name says, or correct its name.",
        )
