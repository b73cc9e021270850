"""The reader of files: which ones a load takes in, and all of them as one relation."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import duckdb

from inventory_platform.duck import columns_of, literal
from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Input, Malformed, Relation, Request, SourceTable
from inventory_platform.sources.documents import stream_of
from inventory_platform.sources.files.arrival import Arrivals, Part
from inventory_platform.sources.files.columnar import parquet_rows
from inventory_platform.sources.files.folder import Folder, Found
from inventory_platform.sources.files.lines import document_rows, fast_lines, keep_documents
from inventory_platform.sources.files.options import (
    LINES_SUFFIXES,
    SHEET_SUFFIXES,
    SUFFIXES,
    TEXT_SUFFIXES,
    read_options,
)
from inventory_platform.sources.files.rows import (
    CODE,
    COMPLAINT,
    ORIGIN,
    ROW,
    SEQUENCE,
    TEXT,
    Rows,
    is_beside,
    together,
)
from inventory_platform.sources.files.sheets import sheet_rows
from inventory_platform.sources.files.signatures import RefusedFileError
from inventory_platform.sources.files.text import TextFile, careful_rows, fast_rows

log = logging.getLogger(__name__)

_MALFORMED = Malformed(COMPLAINT, TEXT, f"coalesce({CODE}, 'malformed_row')")
_JSON_SUFFIXES = (".json", *LINES_SUFFIXES)


@dataclass
class _Taken:
    """A file of this load, with what can be read of it; nothing where it was refused."""

    file: Found
    input: Input
    parts: list[Part]


class FileReader:
    """Reads a file or a folder of files, without ever changing them.

    Args:
        address: A file or a folder, as a path or as a URL (`s3://bucket/drop`).
        options: `files` says how files are written, by pattern of their names (see
            `options.py`); `settle_seconds` how long a file must have been left alone.
    """

    def __init__(self, address: str, options: Mapping[str, Any]) -> None:
        self.address = address
        self.options = read_options(address, options)
        self.folder = Folder(address)
        self._arrivals = Arrivals(self.folder)

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Check that the file or folder exists."""
        del con
        self.folder.check()

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List the files a first contract can be written for."""
        del con
        return [SourceTable(name) for name in self.folder.listing(SUFFIXES)]

    def arrivals(self, table: str) -> list[Input]:
        """The files of a table that are there now and finished, each with its fingerprint.

        Raises:
            SourceError: The folder is not there.
        """
        self.folder.check()
        return [
            self._input(file)
            for file in self.folder.settled(
                self.folder.find(stream_of(table)), self.options.settle_seconds
            )
        ]

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield the fast relation of a table's files, then the one that knows each row's place.

        A table that is compared whole is made of all its files, and one that cannot be read
        fails it. Any other is made of the files with content that no load took in before; one
        that cannot be read is refused, and the others go on.

        Raises:
            SourceError: There is no such file, or one of a whole table cannot be read.
        """
        # Kept, because relations are read after they were yielded.
        self._arrivals = Arrivals(self.folder)
        taken = self._take(request)
        fast = self._fast(con, taken, request)
        if fast is not None:
            yield fast
        yield self._careful(con, taken, request)

    # -- which files -----------------------------------------------------------------------

    def _take(self, request: Request) -> list[_Taken]:
        pattern = stream_of(request.table)
        found = self.folder.find(pattern)
        if not found and (request.is_whole or not any(mark in pattern for mark in "*?[")):
            raise SourceError(
                f"File {self.folder.shown(pattern)} does not exist.",
                "Put it there, or correct the contract.",
            )
        if request.is_whole:
            return [
                _Taken(
                    file,
                    Input(file.name, "", file.size),
                    self._arrivals.bring(file, self.options.of(file.name)),
                )
                for file in found
            ]
        return list(self._take_new(found, request))

    def _take_new(self, found: Sequence[Found], request: Request) -> Iterator[_Taken]:
        known = set(request.inputs)
        for file in self.folder.settled(list(found), self.options.settle_seconds):
            if self._arrivals.is_full:
                log.info("%s and later files are left for the next load", file.name)
                return
            given = self._input(file)
            if given.is_among(known):
                continue
            known.add(given.fingerprint)
            taken = _Taken(file, given, [])
            try:
                taken.parts = self._arrivals.bring(file, self.options.of(file.name))
            except RefusedFileError as error:
                _refuse(taken, error)
            yield taken

    def _input(self, file: Found) -> Input:
        declared = self.options.of(file.name).fingerprint
        return Input(file.name, self.folder.fingerprint(file), file.size, declared=declared)

    # -- as relations ----------------------------------------------------------------------

    def _fast(
        self, con: duckdb.DuckDBPyConnection, taken: Sequence[_Taken], request: Request
    ) -> Relation | None:
        """One scan of all files, where all are of one kind and none needs a closer look."""
        parts = [part for each in taken for part in each.parts]
        kinds = {part.suffix for part in parts}
        if not parts or any(each.input.problem for each in taken):
            return None
        if kinds <= set(TEXT_SUFFIXES):
            try:
                files = [self._text(part, request) for part in parts]
            except RefusedFileError:
                return None
            shapes = _by_shape((file.names, file) for file in files)
            found = [fast_rows(alike) for alike in shapes]
        elif kinds <= set(LINES_SUFFIXES):
            lines = fast_lines(con, parts, request)
            if lines is None:
                return None
            found = [lines]
        else:
            return None
        first, *apart = [Relation(rows.sql, rows.columns, origin=ORIGIN) for rows in found]
        return replace(
            first,
            apart=apart,
            clean_only=True,
            is_unfaithful=lambda: self._must_be_unchanged(taken),
            inputs=self._inputs(taken, request),
        )

    def _careful(
        self, con: duckdb.DuckDBPyConnection, taken: Sequence[_Taken], request: Request
    ) -> Relation:
        con.execute("set preserve_insertion_order = true")
        is_only = sum(len(each.parts) for each in taken) == 1
        found: list[Rows] = []
        documents: list[Part] = []
        for each in taken:
            if each.input.problem:
                continue
            try:
                rows = [
                    self._rows(con, part, request, is_only)
                    for part in each.parts
                    if part.suffix not in _JSON_SUFFIXES
                ]
                own = [part for part in each.parts if part.suffix in _JSON_SUFFIXES]
                for part in own:
                    keep_documents(con, part)
            except RefusedFileError as error:
                if request.is_whole:
                    raise
                _refuse(each, error)
                continue
            found += rows
            documents += own
        if documents:
            found.append(document_rows(con, documents, request))
        if not found and not request.columns:
            raise SourceError(
                f"None of the files {self.folder.shown(request.table)} can be read.",
                "Correct them, or how they are declared in sources.toml.",
            )
        columns = {} if found else dict.fromkeys(request.columns, "VARCHAR")
        refused = [_refused_row(each) for each in taken if each.input.problem]
        # Nothing is known of the columns of a refused file, so its row may stand with any.
        shapes = _by_shape((rows.columns.items(), rows.sql) for rows in found) or [[]]
        shapes[0] += refused
        first, *apart = [_placed(con, together(selects, columns)) for selects in shapes]
        return replace(
            first,
            apart=apart,
            suspect=True,
            is_unfaithful=lambda: self._must_be_unchanged(taken),
            inputs=self._inputs(taken, request),
        )

    def _rows(
        self, con: duckdb.DuckDBPyConnection, part: Part, request: Request, is_only: bool
    ) -> Rows:
        if part.suffix in TEXT_SUFFIXES:
            return careful_rows(con, self._text(part, request), self._arrivals.scratch())
        if part.suffix in SHEET_SUFFIXES:
            rows = sheet_rows(con, part, is_only=is_only)
        else:
            rows = parquet_rows(con, part, to_the_end=not request.is_whole)
        _must_have_some(part, rows.columns, request)
        return rows

    def _text(self, part: Part, request: Request) -> TextFile:
        file = TextFile(part)
        _must_have_some(part, file.names, request)
        return file

    def _must_be_unchanged(self, taken: Sequence[_Taken]) -> bool:
        """Complain if a file was written to while it was read; nothing else is unfaithful here."""
        for each in taken:
            if self.folder.has_changed(each.file):
                raise SourceError(
                    f"File {self.folder.shown(each.file.name)} was changed while it was read.",
                    "Load again when it is finished.",
                )
        return False

    def _inputs(self, taken: Sequence[_Taken], request: Request) -> list[Input]:
        return [] if request.is_whole else [each.input for each in taken]


_T = TypeVar("_T")


def _by_shape(files: Iterable[tuple[Iterable[object], _T]]) -> list[list[_T]]:
    """Files with the same columns together, in whatever order they have them.

    Those with others stay apart, so that each is matched with the contract as if it came alone.
    """
    shapes: dict[frozenset[object], list[_T]] = {}
    for columns, file in files:
        shapes.setdefault(frozenset(columns), []).append(file)
    return list(shapes.values())


def _placed(con: duckdb.DuckDBPyConnection, sql: str) -> Relation:
    """A relation that knows the place of each row, and the broken ones."""
    return Relation(
        sql=sql,
        columns={n: k for n, k in columns_of(con, sql).items() if not is_beside(n)},
        position=ROW,
        origin=ORIGIN,
        sequence=SEQUENCE,
        malformed=_MALFORMED,
    )


def _refuse(taken: _Taken, error: RefusedFileError) -> None:
    log.warning("%s", error)
    taken.input = replace(taken.input, problem=error.what)
    taken.parts = []


def _must_have_some(part: Part, names: Iterable[str], request: Request) -> None:
    """Refuse a file that has nothing to do with the table."""
    declared = {_letters(name) for name in request.columns}
    if declared and declared.isdisjoint(map(_letters, names)):
        raise RefusedFileError(
            f"File {part.shown} has none of the columns of its table.",
            "Declare how it is written (delimiter, header), or take it out of the folder.",
        )


def _letters(name: str) -> str:
    """A name without what people change in it."""
    return "".join(ch for ch in name.casefold() if ch.isalnum())


def _refused_row(taken: _Taken) -> str:
    given = taken.input
    text = json.dumps({"name": given.name, "size": given.size, "fingerprint": given.fingerprint})
    return (
        f"select {literal(given.problem or '')} as {COMPLAINT}, {literal(text)} as {TEXT}, "
        f"'rejected_file' as {CODE}, {literal(given.name)} as {ORIGIN}"
    )
