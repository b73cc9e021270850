"""Rows of JSON: files that are one document, and files with a document on every line.

What the rows of a document are is said by the table (`sources/documents.py`). JSON lines that
are rows themselves are read in one go first.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from inventory_platform.duck import identifier, literal
from inventory_platform.sources.base import Request
from inventory_platform.sources.documents import careful_rows, stream_of
from inventory_platform.sources.files.arrival import Part, origins
from inventory_platform.sources.files.rows import (
    COMPLAINT,
    ORIGIN,
    ROW,
    SEQUENCE,
    TEXT,
    Rows,
    plain,
)
from inventory_platform.sources.files.signatures import RefusedFileError

FACT = "@file"
MAX_DOCUMENT = 256 << 20
LONGEST_LINE = 16 << 20

# No JSON text can hold these, so every line is one field.
_NO_DELIMITER = "\x01\x02\x03\x04"
_STRUCTURED = (".", "^", "#", "./")


def keep_documents(con: duckdb.DuckDBPyConnection, part: Part) -> None:
    """Keep the documents of a file in the engine, which is how it turns out to be readable.

    Raises:
        RefusedFileError: The file is too large, cut, or not text.
    """
    is_whole = part.suffix == ".json"
    if is_whole and part.path.stat().st_size > MAX_DOCUMENT:
        raise RefusedFileError(
            f"File {part.shown} is one JSON document of more than {MAX_DOCUMENT >> 20} MB.",
            "Send JSON lines, with one document on every line.",
        )
    con.execute("set preserve_insertion_order = true")
    kept = _kept(part)
    try:
        con.execute(
            f"create or replace temp table {kept} as {_whole(part) if is_whole else _lines(part)}"
        )
    except duckdb.Error as error:
        raise RefusedFileError(
            f"File {part.shown} cannot be read: {str(error).splitlines()[0]}.",
            "Declare its encoding, or send it again.",
        ) from error
    if is_whole:
        broken = con.execute(f"select count(*) from {kept} where not json_valid(document)")
        if broken.fetchall()[0][0]:
            raise RefusedFileError(
                f"File {part.shown} is not a complete JSON document.", "Send it again."
            )


def document_rows(con: duckdb.DuckDBPyConnection, parts: Sequence[Part], request: Request) -> Rows:
    """The rows of files whose documents are kept: slower, and nothing is lost."""
    documents = " union all ".join(
        f"select document, {literal(part.origin)} as origin, position, {part.number} as sequence, "
        f"{literal(part.origin)} as {identifier(FACT)} from {_kept(part)}"
        for part in parts
    )
    relation = careful_rows(con, documents, request)
    malformed = relation.malformed
    broken = (
        f", {malformed.complaint} as {COMPLAINT}, {malformed.text} as {TEXT}" if malformed else ""
    )
    names = ", ".join(identifier(name) for name in relation.columns)
    sql = (
        f"select {names}, {relation.position} as {ROW}, {relation.origin} as {ORIGIN}, "
        f"{relation.sequence} as {SEQUENCE}{broken} from ({relation.sql})"
    )
    return Rows(sql, relation.columns)


def fast_lines(
    con: duckdb.DuckDBPyConnection, parts: Sequence[Part], request: Request
) -> Rows | None:
    """All lines in one scan, where each is a row of plain values; None where that cannot be.

    A name that nobody declared is noticed by a look at the names of every line.
    """
    declared = [name for name in request.columns if name != FACT]
    if request.table != stream_of(request.table) or any(
        mark in name for name in declared for mark in ("@", *_STRUCTURED)
    ):
        return None
    try:
        found = _names(con, parts)
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        # A line that is not JSON; the other way knows which.
        return None
    names = list(dict.fromkeys([*declared, *(n for n in found if n not in request.elsewhere)]))
    if len({name.casefold() for name in names}) < len(names) or not names:
        return None
    listed = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    named = origins(parts)
    fact = f", {named.origin} as {identifier(FACT)}" if FACT in request.columns else ""
    sql = (
        f"select {named.columns}, {named.origin} as {ORIGIN}{fact} from read_json("
        f"{_listed(parts)}, format = 'newline_delimited', columns = {{{listed}}}"
        f"{named.option}, maximum_object_size = {LONGEST_LINE}, compression = 'uncompressed')"
    )
    columns = dict.fromkeys([*names, FACT] if fact else names, "VARCHAR")
    return Rows(sql, columns)


def _names(con: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> list[str]:
    keys = f"select json_keys(document) as keys from {_read_lines(parts)} where document <> ''"
    first = con.execute(f"{keys} limit 1").fetchone()
    if first is None:
        return []
    # Most lines have the names of the first one, and comparing costs half of hashing.
    rows = con.execute(
        f"select distinct unnest(any_value(keys)) as name from ({keys}) "
        "group by case when keys <> $1 then hash(keys) end order by name",
        [first[0]],
    ).fetchall()
    return [name for (name,) in rows]


def _listed(parts: Sequence[Part]) -> str:
    return f"[{', '.join(literal(plain(part.path)) for part in parts)}]"


def _kept(part: Part) -> str:
    return f"file_documents_{part.number}"


def _lines(part: Part) -> str:
    """A SELECT with the documents of a file of JSON lines, its empty lines left out."""
    return (
        "select document, position from (select document, row_number() over () as position "
        f"from {_read_lines([part])}) where trim(document) <> ''"
    )


def _read_lines(parts: Sequence[Part]) -> str:
    return (
        f"read_csv({_listed(parts)}, auto_detect = false, header = false, "
        f"delim = {literal(_NO_DELIMITER)}, quote = '', escape = '', "
        "columns = {'document': 'VARCHAR'}, compression = 'none', "
        f"max_line_size = {LONGEST_LINE}, buffer_size = {2 * LONGEST_LINE})"
    )


def _whole(part: Part) -> str:
    return f"select content as document, 1 as position from read_text({literal(plain(part.path))})"
