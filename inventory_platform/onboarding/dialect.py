"""How a text file is written: encoding, delimiter, quote.

Decided by strict decoding and by a real CSV parser over the first rows, never by the engine's
own sniffer, which takes a file without quotes in its first rows for one without quotes.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from inventory_platform.errors import SourceError

_HEAD = 1 << 18
_CHUNK = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_QUOTES = ('"', "'")
_ROWS = 500


def options_of(path: Path) -> dict[str, str]:
    """How a file is written, as far as it differs from what is assumed anyway.

    Raises:
        SourceError: The file is empty, in no known encoding, or its header cannot be used.
    """
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        head = file.read(_HEAD)
        is_whole = not file.read(1)
    rows = {(d, q): _parse(head, d, q, is_whole) for q in _QUOTES for d in _DELIMITERS}
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    # The first of equals wins, so what is assumed anyway stands first.
    order = sorted(rows, key=lambda dq: (dq[1] != '"', dq[0] != usual))
    delimiter, quote = max(order, key=lambda dq: _score(rows[dq]))
    if quote == '"' and _is_wrapped(rows[delimiter, quote], "'"):
        quote = "'"
    _check_header(path, next(iter(rows[delimiter, quote]), []))
    found = {"encoding": encoding, "delimiter": delimiter, "quote": quote}
    assumed = {"encoding": "utf-8", "delimiter": usual, "quote": '"'}
    return {name: value for name, value in found.items() if value != assumed[name]}


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise SourceError(f"File {path} is empty.", "Wait for a complete file, or remove it.")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for encoding in ("utf-8", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise SourceError(
        f"File {path} is neither UTF-8, UTF-16 nor Windows-1252 text.", "Save it as UTF-8."
    )


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                if "\0" in decoder.decode(chunk):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _parse(head: str, delimiter: str, quote: str, is_whole: bool) -> list[list[str]]:
    rows = list(_first_rows(head, delimiter, quote))
    # Of a head that was cut off, the last row is cut as well.
    return rows if is_whole or len(rows) == _ROWS else rows[:-1]


def _first_rows(head: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, quotechar=quote)
    try:
        for row, _ in zip((r for r in reader if r), range(_ROWS), strict=False):
            yield row
    except csv.Error:
        return


def _score(rows: list[list[str]]) -> tuple[bool, float, int]:
    """How well the first rows agree on a number of fields, then how many those are."""
    if not rows or len(rows[0]) < 2:
        return False, 0.0, 0
    fields = len(rows[0])
    agreeing = sum(len(row) == fields for row in rows)
    return True, agreeing / len(rows), fields


def _is_wrapped(rows: list[list[str]], quote: str) -> bool:
    """Whether some column holds nothing but values between these quotes."""
    columns = zip(*(row for row in rows if len(row) == len(rows[0])), strict=True)
    return any(
        values and all(len(v) > 1 and v[0] == v[-1] == quote for v in values)
        for _, *cells in columns
        for values in [[v for v in cells if v]]
    )


def _check_header(path: Path, names: list[str]) -> None:
    if not all(name.strip() for name in names):
        raise SourceError(
            f"File {path} has a column without a name in its header.",
            "Name every column in the first row of the file.",
        )
    folded = [name.casefold() for name in names]
    repeated = sorted({name for name in names if folded.count(name.casefold()) > 1})
    if repeated:
        raise SourceError(
            f"File {path} has more than one column named {repeated[0]!r}, capitals aside.",
            "Rename one of them in the file.",
        )
