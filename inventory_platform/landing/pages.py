"""What sources answered, as it came: pages in the lake, and reading tables out of them.

    pages/<source>/<fetch>/ingest_date=YYYY-MM-DD/<fetch_id>.parquet   the documents
    fetches/<source>/<fetch>/<fetch_id>.json                           what is known of them

As with loads, pages exist once their record appears, by one rename; what a killed fetch left
behind is swept away by the next. Tables are loaded from committed pages alone, so a contract
can be corrected and its table loaded again without asking the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from inventory_platform.duck import literal, parquet
from inventory_platform.errors import SourceError
from inventory_platform.landing.lake import (
    Lake,
    commit_text,
    place,
    remove,
    remove_unfinished,
)
from inventory_platform.object_storage import StoragePath, files_below
from inventory_platform.record_format import RecordFormat
from inventory_platform.sources.base import (
    Checkpoint,
    Fetch,
    Fetcher,
    Page,
    Relation,
    Request,
    SourceTable,
)
from inventory_platform.sources.documents import rows_of, stream_of

_SCHEMA = pa.schema(
    [
        ("stream", pa.string()),
        ("request", pa.string()),
        ("number", pa.int64()),
        ("fetched_at", pa.timestamp("us")),
        ("body", pa.large_string()),
    ]
)
# One row group: what is taken apart in one piece is a multiple of it.
_BUFFERED_BYTES = 2 << 20


@dataclass(frozen=True)
class FetchRecord:
    """What is known of one committed piece of a fetch.

    Instants are naive UTC in ISO 8601. `fingerprint` tells the bodies from any others.
    """

    fetch_id: str
    source: str
    fetch: str
    fetched_at: str
    committed_at: str
    pages: int
    bytes: int
    fingerprint: str
    resume: str


_RECORD = RecordFormat(FetchRecord, "fetch record")


class PageStore:
    """The pages of one fetch of one source.

    Args:
        lake: Where they are kept.
        source: The source's name.
        fetch: The fetch's name.
    """

    def __init__(self, lake: Lake, source: str, fetch: str) -> None:
        self.lake = lake
        self.source = source
        self.fetch = fetch

    @property
    def name(self) -> str:
        """Name of the fetch on the asset graph."""
        return f"{self.source}__{self.fetch}"

    @property
    def _log(self) -> StoragePath:
        return self.lake.root / "fetches" / self.source / self.fetch

    @property
    def _folder(self) -> StoragePath:
        return self.lake.root / "pages" / self.source / self.fetch

    def ids(self) -> list[str]:
        """Committed pieces, oldest first."""
        return sorted(p.stem for p in files_below(self._log, "*.json"))

    def record(self, fetch_id: str) -> FetchRecord:
        """Read the record of a committed piece."""
        return _RECORD.read_file(self._log / f"{fetch_id}.json")

    def last(self) -> FetchRecord | None:
        """The newest committed piece."""
        ids = self.ids()
        return self.record(ids[-1]) if ids else None

    def files(self) -> dict[str, StoragePath]:
        """Committed pieces that have pages, oldest first, and where those are."""
        found = {path.stem: path for path in self._files()}
        return {i: found[i] for i in self.ids() if i in found}

    def _files(self) -> list[StoragePath]:
        return list(files_below(self._folder, "ingest_date=*/*.parquet"))

    def file(self, fetch_id: str) -> StoragePath:
        """Where the pages of a piece are."""
        return self._folder / f"ingest_date={self.lake.date_of(fetch_id)}" / f"{fetch_id}.parquet"

    def collect(
        self, fetcher: Fetcher, *, timeout_seconds: float, now: Callable[[], datetime] | None = None
    ) -> list[FetchRecord]:
        """Fetch what is new and keep it, checkpoint by checkpoint.

        A piece with the very bodies of the one before is not kept again on the same day.

        Args:
            fetcher: Gets the pages.
            timeout_seconds: How long to wait for another process that fetches the same.
            now: The clock, in naive UTC.

        Returns:
            The pieces committed, oldest first.

        Raises:
            SourceError: The source failed; what came before the last checkpoint is kept.
            LandingError: Another process holds the fetch.
        """
        now = now or (lambda: datetime.now(UTC).replace(tzinfo=None))
        with (
            self.lake.lock_named(f"pages.{self.name}", f"Fetch {self.name}", timeout_seconds),
            self.lake.staging_named(f"pages.{self.name}") as folder,
        ):
            self._sweep()
            last = self.last()
            committed: list[FetchRecord] = []
            with closing(_Piece(folder, now)) as piece:
                for item in fetcher.fetch(self.fetch, last.resume if last else None):
                    if isinstance(item, Page):
                        piece.add(item)
                        continue
                    record = self._commit(piece, item, last)
                    if record != last:
                        committed.append(record)
                    last = record
            return committed

    def _commit(self, piece: _Piece, point: Checkpoint, last: FetchRecord | None) -> FetchRecord:
        at, fingerprint, pages, size, path = piece.finish()
        # Of what does not change, one copy a day is history; more are not.
        is_same = (
            last is not None
            and last.fingerprint == fingerprint
            and last.fetched_at[:10] == at.isoformat()[:10]
        )
        if last is not None and is_same and last.resume == point.resume:
            return last
        fetch_id = self.lake.id_after(self.ids(), at.replace(tzinfo=UTC))
        record = FetchRecord(
            fetch_id=fetch_id,
            source=self.source,
            fetch=self.fetch,
            fetched_at=at.isoformat(sep=" "),
            committed_at=datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" "),
            pages=0 if is_same else pages,
            bytes=0 if is_same else size,
            fingerprint=fingerprint,
            resume=point.resume,
        )
        if record.pages:
            place(path, self.file(fetch_id))
        commit_text(self._log / f"{fetch_id}.json", _RECORD.write(record))
        return record

    def _sweep(self) -> None:
        committed = set(self.ids())
        for path in self._files():
            if path.stem not in committed:
                remove(path)
        remove_unfinished(self._log)


class _Piece:
    """Pages between two checkpoints, written to a file as they come."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self.folder = folder
        self.now = now
        self._begin()

    def _begin(self) -> None:
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[tuple[str, str, int, datetime, str]] = []
        self._buffered = 0
        self._pages = 0
        self._bytes = 0
        self._digest = hashlib.sha256()

    @property
    def _path(self) -> Path:
        return self.folder / "pages.parquet"

    def add(self, page: Page) -> None:
        """Keep a page for the next checkpoint."""
        self._pages += 1
        size = len(page.body)
        self._bytes += size
        self._buffered += size
        self._digest.update(f"{page.stream}\n{page.request}\n".encode())
        self._digest.update(page.body.encode())
        self._rows.append((page.stream, page.request, self._pages, self.now(), page.body))
        if self._buffered >= _BUFFERED_BYTES:
            self._flush()

    def finish(self) -> tuple[datetime, str, int, int, Path]:
        """Close the file: instant, fingerprint, pages, bytes and file; begin the next."""
        self._flush()
        self.close()
        done = (self.now(), self._digest.hexdigest(), self._pages, self._bytes, self._path)
        self._begin()
        return done

    def close(self) -> None:
        """Close the file that is being written."""
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = list(zip(*self._rows, strict=True))
        arrays = [pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)]
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, _SCHEMA, compression="zstd")
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA))
        self._rows, self._buffered = [], 0


class PageReader:
    """Reads tables out of the committed pages of a source.

    A table that is compared as a whole is read from the newest fetch alone, any other from
    every fetch since its last load.
    """

    def __init__(self, lake: Lake, source: str, fetches: Mapping[str, Fetch]) -> None:
        self.lake = lake
        self.source = source
        self.fetches = fetches

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Nothing to do: pages lie in the lake."""

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """The streams of the source."""
        del con
        return [SourceTable(s) for fetch in self.fetches.values() for s in fetch.streams]

    def fetch_of(self, table: str) -> str:
        """The name of the fetch that brings a table's pages.

        Raises:
            SourceError: None does.
        """
        stream = stream_of(table)
        for name, fetch in self.fetches.items():
            if stream in fetch.streams:
                return name
        known = sorted(s for fetch in self.fetches.values() for s in fetch.streams)
        raise SourceError(
            f"Source {self.source!r} has no stream {stream!r}.",
            f"Name one of these in the contract: {', '.join(known)}.",
        )

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield the rows of a table in the pages it has not seen yet."""
        store = PageStore(self.lake, self.source, self.fetch_of(request.table))
        ids = store.ids()
        if not ids:
            raise SourceError(
                f"Nothing of {store.name} has been fetched yet.",
                f"Materialize `pages/{store.name}` first; `inventory run` does.",
            )
        # What is fetched meanwhile is left for the next load, which goes on after the last id.
        kept = {i: path for i, path in store.files().items() if i <= ids[-1]}
        if request.is_whole:
            wanted = list(kept)[-1:]
        else:
            wanted = [i for i in kept if request.resume is None or i > request.resume]
        documents = _documents([kept[i] for i in wanted], stream_of(request.table))
        for relation in rows_of(con, documents, request):
            yield replace(relation, resume=ids[-1])


def _documents(files: list[StoragePath], stream: str) -> str:
    if not files:
        return (
            "select null::varchar as document, null::varchar as origin, 0 as position, "
            'null::varchar as sequence, null::timestamp as "@fetched_at", '
            'null::date as "@fetched_on", null::varchar as "@request" where false'
        )
    return (
        "select body as document, request as origin, number as position, "
        "format('{}/{:012d}', parse_filename(filename, true), number) as sequence, "
        'fetched_at as "@fetched_at", cast(fetched_at as date) as "@fetched_on", '
        f'request as "@request" from '
        f"{parquet(*files, options='filename = true')} where stream = {literal(stream)}"
    )
