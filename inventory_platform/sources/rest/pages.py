"""Walking the pages of a list: by number, by offset, by cursor or along links."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Page
from inventory_platform.sources.http import HttpClient, Response
from inventory_platform.sources.rest.answers import not_json, value_at
from inventory_platform.sources.rest.options import (
    ByCursor,
    ByLink,
    ByLinkHeader,
    ByOffset,
    ByPage,
    FetchOptions,
    OnePage,
)

_log = logging.getLogger(__name__)

_AT_ONCE = 4
_SECRET_PARAMETERS = re.compile(
    r"(?i)([?&](?:token|key|sig|auth"
    r"|[\w.-]*(?:secret|password|signature|(?:access|private|auth|api|security)[-_]?token"
    r"|(?:api|subscription)[-_]?key))=)[^&]*"
)


@dataclass(frozen=True)
class Document:
    """A page with what the walk needs to know of it."""

    page: Page
    content: Any
    records: list[Any]
    headers: Mapping[str, str]


class Walk:
    """All pages of one list."""

    def __init__(
        self,
        client: HttpClient,
        base: httpx.URL,
        name: str,
        options: FetchOptions,
        secrets: Callable[[], set[str]],
    ) -> None:
        self._client = client
        self._url = f"{base}/{options.path.lstrip('/')}".rstrip("/")
        self._name = name
        self._options = options
        self._secrets = secrets

    def documents(self, since: Mapping[str, Any]) -> Iterator[tuple[Document, int]]:
        """Each document with the number of records it adds to those before."""
        how = self._options.pagination
        params = {**self._options.params, **how.parameters(), **since}
        if isinstance(how, ByPage | ByOffset):
            yield from self._by_number(how, params)
        else:
            yield from self._along_the_chain(how, params)

    def _along_the_chain(
        self, how: OnePage | ByCursor | ByLink | ByLinkHeader, params: dict[str, Any]
    ) -> Iterator[tuple[Document, int]]:
        url, asked = self._url, params
        been: set[str] = set()
        while True:
            document = self._ask(url, asked)
            yield document, len(document.records)
            step = self._next_step(how, document)
            if step is None:
                return
            if step in been:
                raise SourceError(
                    f"{document.page.request}: leads back to a page that was read before.",
                    "Ask who runs the server; nothing of this fetch is kept.",
                )
            been.add(step)
            if isinstance(how, ByCursor):
                asked = {**params, how.parameter: step}
            else:
                url, asked = _joined(url, step), {}

    def _next_step(
        self, how: OnePage | ByCursor | ByLink | ByLinkHeader, document: Document
    ) -> str | None:
        if isinstance(how, OnePage):
            return None
        if isinstance(how, ByLinkHeader):
            return _next_link(document.headers)
        step = value_at(document.content, how.next)
        return None if step in (None, "", False) else str(step)

    def _by_number(
        self, how: ByPage | ByOffset, params: dict[str, Any]
    ) -> Iterator[tuple[Document, int]]:
        """Read the first page, then several at a time until there is nothing more.

        How far a page reaches is what the first one shows: a server may give fewer records
        than it was asked for. Where it does not say how many there are, the end is a page
        without new records, never a short one.
        """
        before = self._ask(self._url, {**params, how.parameter: how.first})
        length, total = len(before.records), self.total(before)
        yield before, length
        if not length:
            return
        overlap = min(how.overlap, length - 1)
        stride = length - overlap
        asked: deque[Future[Document]] = deque()
        number, is_over = 1, False
        with _threads() as threads:
            while True:
                while len(asked) < _AT_ONCE and not is_over:
                    if total is not None and number * stride + overlap >= total:
                        break
                    place = how.first + (number if isinstance(how, ByPage) else number * stride)
                    asked.append(
                        threads.submit(self._ask, self._url, {**params, how.parameter: place})
                    )
                    number += 1
                if not asked:
                    return
                document = asked.popleft().result()
                total = self.total(document)
                if is_over:
                    _check_nothing_new(before, document)
                    continue
                new = _new_records(before, document, overlap, length)
                if new and isinstance(how, ByOffset) and not overlap:
                    _check_not_cut(before, length)
                if new:
                    yield document, new
                    before = document
                is_over = not new

    def _ask(self, url: str, params: Mapping[str, Any]) -> Document:
        found: list[Document] = []

        def complaint(response: Response) -> str | None:
            try:
                content = orjson.loads(response.text)
            except orjson.JSONDecodeError as error:
                return not_json(response, error)
            records = value_at(content, self._options.records or "") if self._has_records else []
            if not isinstance(records, list):
                return f"answered without a list at {self._options.records or 'its top'!r}"
            if self._options.total and not _is_count(value_at(content, self._options.total)):
                return f"answered without a number at {self._options.total!r}"
            page = Page(self._name, self._described(response.url), response.text)
            found.append(Document(page, content, records, response.headers))
            return None

        self._client.request("GET", url, params=params or None, complaint=complaint)
        return found[-1]

    @property
    def _has_records(self) -> bool:
        options = self._options
        is_paged = not isinstance(options.pagination, OnePage)
        return is_paged or options.records is not None or options.total is not None

    def total(self, document: Document) -> int | None:
        """How many records there are altogether, as a document says."""
        path = self._options.total
        return None if path is None else int(value_at(document.content, path))

    def _described(self, url: str) -> str:
        """What was asked for, without host and secrets."""
        target = httpx.URL(url).raw_path.decode()
        for secret in self._secrets():
            target = target.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return "GET " + _SECRET_PARAMETERS.sub(r"\1***", target)


@dataclass
class Tally:
    """Holds what was read against what the server said there was.

    Attributes:
        notices_moves: Whether a record cannot slip away from page to page unnoticed.
    """

    notices_moves: bool
    read: int = 0
    totals: list[int] = field(default_factory=list)
    server_time: datetime | None = None

    def add(self, document: Document, new: int, total: int | None) -> None:
        """Count a document."""
        if self.server_time is None:
            self.server_time = _server_time(document.headers)
        self.read += new
        self.totals += [] if total is None else [total]

    def check(self, what: str) -> None:
        """Refuse a list that is not whole.

        Raises:
            SourceError: Fewer records came than there were all the time, or some may have moved
                to a page that had been read.
        """
        if not self.totals:
            return
        # Not only from the first to the last: one that left may be made up for by one that came.
        fall = next(((here, then) for here, then in pairwise(self.totals) if then < here), None)
        if self.read < min(self.totals):
            problem = f"{self.read:,} records came, and there are {self.totals[-1]:,}"
        elif fall and not self.notices_moves:
            problem = (
                f"the list shrank from {fall[0]:,} to {fall[1]:,} records while it was read, so "
                "some may have been passed over"
            )
        else:
            if self.read > max(self.totals):
                _log.warning("%s: more records came than the %d there are", what, max(self.totals))
            return
        raise SourceError(
            f"{what}: {problem}.",
            "Load again; nothing of this fetch is kept. If it happens often, page by cursor or, "
            "with offsets, set an overlap.",
            is_transient=True,
        )


def _server_time(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _next_link(headers: Mapping[str, str]) -> str | None:
    """Where the header `Link` says the next page is; one link may be several things at once."""
    for link in httpx.Response(200, headers=dict(headers)).links.values():
        parameters = {name.lower(): value for name, value in link.items()}
        if "next" in parameters.get("rel", "").lower().split():
            return parameters["url"]
    return None


def _joined(url: str, link: str) -> str:
    try:
        return str(httpx.URL(url).join(link))
    except httpx.InvalidURL:
        raise SourceError(
            f"{httpx.URL(url).path}: the link to the next page is no address.",
            "Correct where the link is in the source's entry, or ask who runs the server.",
        ) from None


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    threads = ThreadPoolExecutor(_AT_ONCE)
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def _new_records(before: Document, document: Document, overlap: int, length: int) -> int:
    """How many records of a page come after those of the page before.

    Raises:
        SourceError: The pages do not follow each other.
    """
    records, known = document.records, before.records
    if records[:1] == known[:1] and records[-1:] == known[-1:] and len(records) == len(known):
        raise SourceError(
            f"{document.page.request}: is the page before once more.",
            "Correct the names of the parameters in the source's entry; if everything comes in "
            'one answer, the kind of pagination is "none".',
        )
    if not overlap:
        return len(records)
    edge = {orjson.dumps(record) for record in known[-overlap:]}
    met = [place for place, record in enumerate(records) if orjson.dumps(record) in edge]
    new = len(records) - met[-1] - 1 if met else 0
    if not met or (not new and len(records) >= length):
        raise _moved(document)
    return new


def _check_not_cut(page: Document, length: int) -> None:
    """Refuse a page that is shorter than others although it is not the last.

    Raises:
        SourceError: The next offset is a whole page further, so records were passed over.
    """
    if len(page.records) < length:
        raise SourceError(
            f"{page.page.request}: brought {len(page.records):,} records instead of {length:,}, "
            "and more came after it, so some were passed over.",
            "Load again; nothing of this fetch is kept. If it happens often, ask for smaller "
            "pages, or page by cursor.",
            is_transient=True,
        )


def _check_nothing_new(before: Document, document: Document) -> None:
    if any(record not in before.records for record in document.records):
        raise _moved(document)


def _moved(document: Document) -> SourceError:
    return SourceError(
        f"{document.page.request}: does not follow the page before; the list changed too much "
        "while it was read.",
        "Load again; nothing of this fetch is kept. If it happens often, set a larger overlap.",
        is_transient=True,
    )


def _is_count(value: Any) -> bool:
    return str(value).isdecimal() if isinstance(value, int | str) else False
