"""How files are written, as declared in `sources.toml`.

    [shop_files.files."orders_*.csv"]
    encoding = "cp1252"
    delimiter = ";"

An entry holds for the files its name matches; `*` holds for every file, a longer pattern and
at last the file's own name say it more exactly.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from math import inf
from pathlib import PurePosixPath
from typing import Any

from inventory_platform.errors import SettingsError

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
SHEET_SUFFIXES = (".xlsx", ".xls")
LINES_SUFFIXES = (".jsonl", ".ndjson")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet")
"""Files a first contract can be written for by looking at them."""
READABLE_SUFFIXES = (*SUFFIXES, *SHEET_SUFFIXES, ".json", *LINES_SUFFIXES)
ARCHIVE_SUFFIXES = (".gz", ".zip")

_SOURCE_OPTIONS = {"files", "settle_seconds"}
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class FileOptions:
    """How one file is written.

    Attributes:
        encoding: Of text and JSON files.
        delimiter: Between the fields of a text file; a comma, or a tab for `.tsv`, when empty.
        quote: Around fields of a text file; empty where quotes mean nothing.
        header: The row the column names stand in, from 1, or the names themselves for a file
            without such a row.
        skip: Rows above the data of a file without a row of names.
        sheet: Name or number, from 1, of the sheet of a workbook.
    """

    encoding: str = "utf-8"
    delimiter: str = ""
    quote: str = '"'
    header: int | tuple[str, ...] = 1
    skip: int = 0
    sheet: str | int = 1

    @property
    def fingerprint(self) -> str:
        """Tells these options from any others."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def is_utf8(self) -> bool:
        """Whether the file can be read without being encoded again."""
        return codecs.lookup(self.encoding).name == "utf-8"

    @property
    def names(self) -> tuple[str, ...]:
        """The declared column names; none where the file has a row of them."""
        return () if isinstance(self.header, int) else self.header

    @property
    def rows_above(self) -> int:
        """Rows that stand above the row of names, or above the data where there is none."""
        return self.header - 1 if isinstance(self.header, int) else self.skip

    @property
    def first_row(self) -> int:
        """The row the data begin in, from 1."""
        return self.header + 1 if isinstance(self.header, int) else self.skip + 1


@dataclass(frozen=True)
class SourceOptions:
    """Everything an entry of `sources.toml` says about files.

    Attributes:
        files: Pattern of file names → what is declared for them.
        settle_seconds: How long a file must have been left alone before it is taken in.
    """

    files: Mapping[str, Mapping[str, Any]]
    settle_seconds: float = _SETTLE_SECONDS

    def of(self, name: str) -> FileOptions:
        """How a file is written."""
        own = PurePosixPath(name).name
        merged: dict[str, Any] = {}
        # The more letters a pattern has, the more exactly it says which files it means.
        for pattern in sorted(self.files, key=lambda p: (p in {name, own}, len(p))):
            if pattern in {name, own} or fnmatchcase(name, pattern) or fnmatchcase(own, pattern):
                merged |= self.files[pattern]
        if isinstance(merged.get("header"), list):
            merged["header"] = tuple(merged["header"])
        return FileOptions(**merged)


def read_options(address: str, options: Mapping[str, Any]) -> SourceOptions:
    """Check what an entry declares.

    Raises:
        SettingsError: It names an unknown option or a value that cannot be used.
    """
    _refuse_unknown(f"Source {address}", options, _SOURCE_OPTIONS)
    files = options.get("files", {})
    settle = options.get("settle_seconds", _SETTLE_SECONDS)
    if not isinstance(files, Mapping):
        raise SettingsError(f"Source {address}: files is {files!r}.", _WRITE_FILES)
    if not (type(settle) in {int, float} and 0 <= settle < inf):
        raise SettingsError(
            f"Source {address}: settle_seconds is {settle!r}.", "Give a number of seconds."
        )
    for pattern, given in files.items():
        what = f"File {pattern!r} of {address}"
        if not isinstance(given, Mapping):
            raise SettingsError(f"{what} has no options.", _WRITE_FILES)
        _check(what, given)
    for pattern, given in files.items():
        if _are_alike({**files.get("*", {}), **given}):
            raise SettingsError(
                f"File {pattern!r} of {address} has the same delimiter and quote.",
                "Give two characters that differ.",
            )
    return SourceOptions(files, float(settle))


def _check(what: str, given: Mapping[str, Any]) -> None:
    _refuse_unknown(what, given, {field.name for field in fields(FileOptions)})
    for name, value in given.items():
        problem = _problem(name, value)
        if problem:
            raise SettingsError(f"{what} has {problem}.", _REMEDIES[name])
    if given.get("skip") and isinstance(given.get("header", 1), int):
        raise SettingsError(
            f"{what} has `skip` but no names in `header`.",
            "Give the row of the names as `header`; `skip` is for files without one.",
        )


def _refuse_unknown(what: str, given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise SettingsError(
            f"{what} has the unknown option {unknown[0]!r}.",
            f"Known options: {', '.join(sorted(known))}.",
        )


_WRITE_FILES = 'Write `[name.files."pattern"]`, and the options below it.'
_REMEDIES = {
    "encoding": "Use a name such as utf-8, cp1252 or utf-16.",
    "delimiter": "Give one character.",
    "quote": "Give one character, or none where quotes mean nothing.",
    "header": "Give the row of the names, from 1, or a list of names that differ.",
    "skip": "Give the number of rows above the data.",
    "sheet": "Give a sheet's name or its number, from 1.",
}


def _problem(name: str, value: Any) -> str | None:
    """What is wrong with an option's value, as part of a sentence."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    match name:
        case "encoding":
            return None if _is_encoding(value) else f"the unknown encoding {value!r}"
        case "delimiter" | "quote":
            fits = isinstance(value, str) and len(value.encode()) <= 1 and value not in "\0\n\r"
            fits = fits or (value == "" and name == "quote")
        case "header":
            fits = _are_names(value) or (is_number and value >= 1)
        case "sheet":
            fits = isinstance(value, str) or (is_number and value >= 1)
        case _:
            fits = is_number and value >= 0
    return None if fits else f"the unusable {name} {value!r}"


def _are_alike(given: Mapping[str, Any]) -> bool:
    """Whether delimiter and quote are one character, in a file of any ending."""
    quote = given.get("quote", '"')
    return quote != "" and quote in ([given["delimiter"]] if "delimiter" in given else [",", "\t"])


def _are_names(value: Any) -> bool:
    if not (isinstance(value, list) and value and all(isinstance(n, str) and n for n in value)):
        return False
    return len({name.casefold() for name in value}) == len(value)


def _is_encoding(value: Any) -> bool:
    try:
        # Unlike looking it up, this refuses what is no encoding of text, such as base64.
        return isinstance(value, str) and "".encode(value) is not None
    except (LookupError, ValueError):
        return False
