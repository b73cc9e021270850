"""Published marts as documents of Elasticsearch or OpenSearch.

Each kind of documents is an alias `<prefix>-<name>`, behind which stands one index of one
version. A version whose rows or fields changed is written to a new index, which nobody searches;
when counts and sums there and here agree, all aliases are switched in one request. What has not
changed keeps its index. What an index holds is remembered in its mapping's `_meta`.

How documents look is `search_documents.py`, how the server is asked `search_server.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import duckdb

from inventory_platform import duck
from inventory_platform.errors import PublishError
from inventory_platform.object_storage import StoragePath
from inventory_platform.publishing.base import Report, Sent, Tell, tell_nobody
from inventory_platform.publishing.contents import is_same_sum, read_contents
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import Publication
from inventory_platform.publishing.search_documents import (
    DocumentKind,
    Documents,
    FieldMeasure,
    documents_of,
)
from inventory_platform.publishing.search_server import FoundIndex, SearchServer
from inventory_platform.settings import Settings

_OURS = "inventory platform"


class SearchDestination:
    """Publishes marts as documents to the indexes of one prefix.

    Args:
        settings: Limits of the engine that reads the files here.
        name: Name of the entry in `destinations.toml`.
        kind: `elasticsearch` or `opensearch`.
        server: The cluster.
        prefix: What the names of aliases and indexes begin with.
        keep: How many indexes of each kind of documents stay, the current one among them.
        documents: What documents are made of; empty if each mart is a kind of them.
        marts: The marts to publish; None for all.
        everything: Whether documents are written anew that have not changed.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        *,
        kind: str,
        server: SearchServer,
        prefix: str,
        keep: int,
        documents: Sequence[DocumentKind] = (),
        marts: Sequence[str] | None = None,
        everything: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.marts = marts
        self.where = f"{server.url}, prefix {prefix}"
        self._settings = settings
        self._server = server
        self._prefix = prefix
        self._keep = keep
        self._documents = documents
        self._everything = everything

    def publish(
        self,
        folder: StoragePath,
        publication: Publication,
        marts: Sequence[Mart],
        tell: Tell = tell_nobody,
    ) -> Report:
        """Make searches by the aliases see a published version, all of it at once.

        Raises:
            DestinationUnavailableError: The server cannot be reached, or has too much to do.
            PublishError: The server refuses documents or a right is missing, an alias is
                somebody else's, or what arrived is not what was sent. Searches go on as before.
        """
        with closing(self._server), duck.connect(self._settings) as con:
            kinds = self._kinds(con, folder, marts)
            before = self._ours([documents.name for documents in kinds])
            due = [d for d in kinds if self._everything or not self._is_there(before, d)]
            fresh = {d.name: f"{self._alias(d.name)}-{_now():%Y%m%dt%H%M%S%f}" for d in due}
            try:
                for documents in due:
                    self._write(con, documents, fresh[documents.name], publication, tell)
                self._switch(before, fresh)
            except PublishError:
                with suppress(PublishError):
                    self._remove_unused(fresh.values())
                raise
            self._remove_old()
        return Report(
            version=publication.version,
            sent=[Sent(d.name, d.rows, d.rows if d in due else 0, 1, int(d in due)) for d in kinds],
            left_over=sorted(before.keys() - {documents.name for documents in kinds}),
        )

    def _kinds(
        self, con: duckdb.DuckDBPyConnection, folder: StoragePath, marts: Sequence[Mart]
    ) -> list[Documents]:
        contents = {m.name: read_contents(con, folder / f"{m.name}.parquet") for m in marts}
        named = {mart.name: mart for mart in marts}
        declared = self._documents or [DocumentKind(name, name) for name in named]
        return [documents_of(con, kind, named, contents) for kind in declared]

    def _alias(self, documents: str) -> str:
        return f"{self._prefix}-{documents}"

    # -- what is there ---------------------------------------------------------------------

    def _indexes(self) -> list[FoundIndex]:
        """The indexes this platform made for the prefix."""
        found = self._server.indexes(f"{self._prefix}-*")
        return [index for index in found if self._is_ours(index)]

    def _is_ours(self, index: FoundIndex) -> bool:
        remembered = index.remembered
        return remembered.get("by") == _OURS and remembered.get("prefix") == self._prefix

    def _ours(self, wanted: Sequence[str]) -> dict[str, FoundIndex]:
        """Documents → the index that is searched now."""
        aliases = {self._alias(documents) for documents in wanted}
        for index in self._server.indexes(f"{self._prefix}-*"):
            taken = aliases & {index.name, *index.aliases}
            if taken and not self._is_ours(index):
                raise PublishError(
                    f"{self.name}: {min(taken)} at {self._server.url} belongs to index "
                    f"{index.name}, which was not published by this platform.",
                    "Rename or delete it, or choose another prefix.",
                )
        return self._current()

    def _current(self) -> dict[str, FoundIndex]:
        found = {}
        for index in self._indexes():
            documents = str(index.remembered["documents"])
            if self._alias(documents) in index.aliases:
                found[documents] = index
        return found

    def _is_there(self, before: Mapping[str, FoundIndex], documents: Documents) -> bool:
        """Whether these documents are searched now, and nobody changed them."""
        index = before.get(documents.name)
        if index is None or index.remembered["fingerprint"] != documents.fingerprint:
            return False
        return not self._differences(index.name, documents)

    # -- writing ---------------------------------------------------------------------------

    def _write(
        self,
        con: duckdb.DuckDBPyConnection,
        documents: Documents,
        index: str,
        publication: Publication,
        tell: Tell,
    ) -> None:
        remembered = {
            "by": _OURS,
            "prefix": self._prefix,
            "documents": documents.name,
            "fingerprint": documents.fingerprint,
            "version": publication.version,
            "published_at": publication.published_at,
        }
        self._server.create(index, {**documents.mapping, "_meta": remembered})
        for taken in self._server.bulk(index, _rows(con, documents.select)):
            tell(f"{documents.name}: {taken:,} of {documents.rows:,} documents sent.")
        self._server.finish(index)
        if found := self._differences(index, documents):
            raise PublishError(
                f"{self.name}: {index} does not hold what was published: {'; '.join(found[:5])}.",
                "Searches go on as before. Publish again; if it happens again, look whether the "
                "key of the mart is one, and for pipelines that change documents.",
            )

    def _differences(self, index: str, documents: Documents) -> list[str]:
        """What does not agree there and here, in words; nothing if all does."""
        found = []
        if (count := self._server.count(index)) != documents.rows:
            found.append(f"documents: {count} instead of {documents.rows}")
        if not documents.measures:
            return found
        answer = self._server.aggregate(index, _aggregations(documents.measures))
        for number, measure in enumerate(documents.measures):
            inside = answer[measure.path] if measure.path else answer
            is_number = measure.aggregation == "doc_count"
            there = inside["doc_count"] if is_number else inside[f"m{number}"]["value"]
            if not is_same_sum(measure.value, there, measure.scale):
                found.append(f"{measure.what}: {there} instead of {measure.value}")
        return found

    def _switch(self, before: Mapping[str, FoundIndex], fresh: Mapping[str, str]) -> None:
        actions: list[dict[str, Any]] = []
        for documents, index in fresh.items():
            alias = self._alias(documents)
            actions.append({"add": {"index": index, "alias": alias}})
            if documents in before:
                actions.append({"remove": {"index": before[documents].name, "alias": alias}})
        if not actions:
            return
        try:
            self._server.switch(actions)
        except PublishError:
            # It may have been carried out, and only the answer was lost.
            current = self._current()
            if any(d not in current or current[d].name != i for d, i in fresh.items()):
                raise

    # -- tidying up ------------------------------------------------------------------------

    def _remove_unused(self, indexes: Collection[str]) -> None:
        """Remove indexes of a publication that failed, but none that is searched."""
        for index in self._indexes():
            if index.name in indexes and not index.aliases:
                self._server.delete(index.name)

    def _remove_old(self) -> None:
        """Remove indexes beyond those kept, and what publications that were killed left over."""
        indexes = sorted(self._indexes(), key=lambda index: index.name, reverse=True)
        for documents, current in self._current().items():
            others = [
                i for i in indexes if i.remembered["documents"] == documents and not i.aliases
            ]
            older = [i for i in others if i.name < current.name]
            for index in [i for i in others if i not in older[: self._keep - 1]]:
                self._server.delete(index.name)


def _rows(con: duckdb.DuckDBPyConnection, select: str) -> Iterator[tuple[str, str]]:
    found = con.execute(select)
    while batch := found.fetchmany(1000):
        yield from batch


def _aggregations(measures: Sequence[FieldMeasure]) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    for number, measure in enumerate(measures):
        inside = asked
        if measure.path:
            nested = asked.setdefault(measure.path, {"nested": {"path": measure.path}, "aggs": {}})
            inside = nested["aggs"]
        if measure.aggregation != "doc_count":
            inside[f"m{number}"] = {measure.aggregation: {"field": measure.field}}
    return asked


def _now() -> datetime:
    return datetime.now(UTC)
