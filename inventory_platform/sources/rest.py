"""JSON over HTTP, described instead of programmed: any API that answers lists in pages.

Here belongs what an entry in `sources.toml` can say about such an API, and how its pages are
walked so that none is missing: by number, by offset, by cursor or along links. How a single
request is made, repeated and limited is `http.py`; what becomes of the pages is no concern of
this module.

A fetch has one checkpoint, at its end: the order of the pages says nothing about what is
already in them, so an unfinished walk is worth nothing. What changes while it runs is asked
for again, as the next one goes on from where this one started, less an overlap.
"""

from __future__ import annotations

import base64
import logging
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar, Literal, TypeAlias
from urllib.parse import quote

import httpx
import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
)

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.base import Checkpoint, Fetch, FetchItem, Page
from inventory_platform.sources.http import HttpClient, HttpLimits, Response

_log = logging.getLogger(__name__)

_USER_AGENT = "inventory-platform"
_AT_ONCE = 4
_TOKEN_MARGIN_SECONDS = 30
_SECRET_PARAMETERS = re.compile(
    r"(?i)([?&](?:token|key|sig|auth"
    r"|[\w.-]*(?:secret|password|signature|access[-_]?token|api[-_]?key))=)[^&]*"
)


# -- what an entry can say -----------------------------------------------------------------


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeaderAuth(_Options):
    """A key in a header of its own."""

    kind: Literal["header"]
    name: str
    value: SecretStr


class BearerAuth(_Options):
    """A token that does not change."""

    kind: Literal["bearer"]
    token: SecretStr


class BasicAuth(_Options):
    """A user and a password."""

    kind: Literal["basic"]
    username: str
    password: SecretStr


class ClientCredentials(_Options):
    """OAuth 2: a token is got for an id and a secret, and again when it is refused.

    `token_url` may be relative to the source's address.
    """

    kind: Literal["oauth2_client_credentials"]
    token_url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""


class OnePage(_Options):
    """Everything comes in one answer."""

    kind: Literal["none"] = "none"

    @property
    def notices_moves(self) -> bool:
        """Whether a record cannot slip away from page to page unnoticed."""
        return True

    def parameters(self) -> dict[str, Any]:
        """What each request says about pages."""
        return {}


class _Pages(_Options):
    """What all ways of paging have: the size of a page, where it can be chosen."""

    size_parameter: str | None = None
    size: PositiveInt | None = None

    @property
    def notices_moves(self) -> bool:
        """Whether a record cannot slip away from page to page unnoticed."""
        return True

    def parameters(self) -> dict[str, Any]:
        """What each request says about pages."""
        return {self.size_parameter: self.size} if self.size_parameter else {}


class ByPage(_Pages):
    """Pages are asked for by their number."""

    kind: Literal["page"]
    parameter: str = "page"
    first: int = 1
    overlap: ClassVar[int] = 0

    @property
    def notices_moves(self) -> bool:
        """Pages have fixed borders, which records cross when others come or go."""
        return False


class ByOffset(_Pages):
    """Pages are asked for by the number of records before them.

    With an `overlap`, each page begins that many records early, so that it shows where the one
    before ended. When records came or went in the meantime, fewer than the overlap, none is
    missed; when more did, the fetch fails. The table needs a key, as some records come twice.
    """

    kind: Literal["offset"]
    parameter: str = "offset"
    first: ClassVar[int] = 0
    overlap: int = Field(default=0, ge=0)

    @property
    def notices_moves(self) -> bool:
        """Pages that overlap show whether they follow each other."""
        return self.overlap > 0


class ByCursor(_Pages):
    """Each answer has, at `next`, the value of a parameter that leads to the next page."""

    kind: Literal["cursor"]
    parameter: str = "cursor"
    next: str


class ByLink(_Pages):
    """Each answer has the address of the next page in its body, at `next`."""

    kind: Literal["link"]
    next: str


class ByLinkHeader(_Pages):
    """Each answer has the address of the next page in its header `Link`."""

    kind: Literal["link_header"]


class Incremental(_Options):
    """Only what changed since the last fetch is asked for.

    Attributes:
        parameter: The parameter that takes the instant.
        format: How it is written: `iso`, `date`, `epoch`, `epoch_ms` or a `strftime` pattern.
        overlap_minutes: How far before the last fetch's start this one begins, for clocks that
            differ and for changes that showed late.
        start: From when on, the first time; everything when omitted.
    """

    parameter: str
    format: str = Field(default="iso", pattern=r"^(iso|date|epoch|epoch_ms|.*%.*)$")
    overlap_minutes: float = Field(default=10, ge=0)
    start: datetime | None = None


class FetchOptions(_Options):
    """One list the API offers.

    Attributes:
        path: Path below the source's address.
        params: Parameters of each request.
        records: Where the list is in an answer, as `data.items`; the answer itself when empty.
            Only a fetch of one page can do without it: its answer may be anything.
        pagination: How the pages are walked.
        incremental: How changes are asked for; the whole list when omitted.
        total: Where an answer says how many records there are.
        description: What it brings.
    """

    path: str
    params: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    records: str | None = None
    pagination: Annotated[
        OnePage | ByPage | ByOffset | ByCursor | ByLink | ByLinkHeader,
        Field(discriminator="kind"),
    ] = OnePage()
    incremental: Incremental | None = None
    total: str | None = None
    description: str = ""


Auth: TypeAlias = Annotated[
    HeaderAuth | BearerAuth | BasicAuth | ClientCredentials, Field(discriminator="kind")
]


class RestOptions(_Options):
    """The whole entry, without its address.

    `limits` may hold any of the names in `HttpLimits`.
    """

    auth: Auth | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    rate_per_minute: PositiveInt | None = None
    limits: HttpLimits = HttpLimits()
    fetch: Mapping[str, FetchOptions] = Field(min_length=1)


# -- the fetcher ---------------------------------------------------------------------------


class RestFetcher:
    """Fetches what an entry of `sources.toml` describes.

    Args:
        address: `rest+https://host/path`; `rest+http://` only where nobody listens in.
        options: The entry's other keys, as in `RestOptions`, with secrets filled in.

    Raises:
        SettingsError: The entry is wrong; names each key, shows no value.
    """

    def __init__(self, address: str, options: Mapping[str, Any]) -> None:
        self._base = _base_url(address)
        try:
            self._options = RestOptions.model_validate(options)
        except ValidationError as error:
            raise SettingsError(
                f"The entry of {_host(self._base)} is wrong. {_explain(error)}.",
                "Correct the keys in sources.toml; docs/sources.md lists them.",
            ) from None

    def fetches(self) -> Mapping[str, Fetch]:
        """What can be fetched, by name; each brings one stream of its own name."""
        return {
            name: Fetch((name,), options.description or f"GET {options.path}")
            for name, options in self._options.fetch.items()
        }

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        """Ask for everything that is new since a checkpoint, or for everything.

        Raises:
            SourceError: The server does not answer, refuses, or answers with less than it has.
        """
        options = self._options.fetch[name]
        started = datetime.now(UTC)
        tally = _Tally(options.pagination.notices_moves)
        with self._client() as (client, secrets):
            walk = _Walk(client, self._base, name, options, secrets)
            walked = walk.documents(_since(options.incremental, resume))
            for number, (document, new) in enumerate(walked):
                tally.add(document, new, walk.total(document))
                if number == 0 or document.records:
                    yield document.page
        tally.check(f"{name} of {_host(self._base)}")
        yield Checkpoint(_resume(options.incremental, started, tally.server_time))

    @contextmanager
    def _client(self) -> Iterator[tuple[HttpClient, Callable[[], set[str]]]]:
        options = self._options
        headers, secrets = _credentials(options.auth)
        tokens: _Tokens | None = None
        if isinstance(options.auth, ClientCredentials):
            tokens = _Tokens(options.auth, self._base, options.limits)

        def known() -> set[str]:
            return secrets | (tokens.given if tokens else set())

        with HttpClient(
            [_host(self._base)],
            user_agent=_USER_AGENT,
            headers={"accept": "application/json", **options.headers, **headers},
            limits=options.limits,
            default_per_minute=options.rate_per_minute,
            authorize=tokens,
            secrets=known,
        ) as client:
            yield client, known


def _base_url(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address.removeprefix("rest+").rstrip("/"))
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
        raise SettingsError(
            "The address of a REST source is not of the form rest+https://host/path.",
            "Correct it in sources.toml; users, passwords and parameters have keys of their own.",
        )
    return url


def _host(url: httpx.URL) -> str:
    """How the HTTP client is told that a host may be asked."""
    return ("http://" if url.scheme == "http" else "") + url.netloc.decode()


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)


# -- who we are ----------------------------------------------------------------------------


def _credentials(auth: Any) -> tuple[dict[str, str], set[str]]:
    """The headers that do not change, and what in them is secret."""
    match auth:
        case HeaderAuth():
            value = auth.value.get_secret_value()
            return {auth.name: value}, {value}
        case BearerAuth():
            token = auth.token.get_secret_value()
            return {"authorization": f"Bearer {token}"}, {token}
        case BasicAuth():
            password = auth.password.get_secret_value()
            packed = _basic(auth.username, password)
            return {"authorization": f"Basic {packed}"}, {password, packed}
        case _:
            return {}, set()


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class _Tokens:
    """The current token of a client, as the HTTP client asks for it."""

    def __init__(self, auth: ClientCredentials, base: httpx.URL, limits: HttpLimits) -> None:
        self._auth = auth
        self._url = base.join(auth.token_url)
        self._limits = limits
        self._secret = auth.client_secret.get_secret_value()
        self._expires = 0.0
        self._headers: dict[str, str] = {}
        self.given = {self._secret, _basic(auth.client_id, self._secret)}

    def __call__(self, renew: bool) -> Mapping[str, str]:
        """Return the headers, with a new token when the old one was refused or is old."""
        if renew or time.monotonic() >= self._expires:
            self._renew()
        return self._headers

    def _renew(self) -> None:
        form = {"grant_type": "client_credentials"}
        if self._auth.scope:
            form["scope"] = self._auth.scope
        user, password = (quote(t, safe="") for t in (self._auth.client_id, self._secret))
        with HttpClient(
            [_host(self._url)],
            user_agent=_USER_AGENT,
            headers={"authorization": f"Basic {_basic(user, password)}"},
            limits=self._limits,
            secrets=lambda: self.given,
        ) as client:
            response = client.request("POST", str(self._url), form=form, complaint=_json_problem)
        answer = orjson.loads(response.text)
        token = _at(answer, "access_token")
        if not isinstance(token, str) or not token:
            raise SourceError(
                f"{_host(self._url)} gave no access_token.",
                "Check token_url and the client's credentials in the source's entry.",
            )
        lifetime = _at(answer, "expires_in")
        seconds = lifetime if isinstance(lifetime, int | float) else float("inf")
        self._expires = time.monotonic() + seconds - _TOKEN_MARGIN_SECONDS
        self._headers = {"authorization": f"Bearer {token}"}
        self.given.add(token)


# -- since when ----------------------------------------------------------------------------


def _since(incremental: Incremental | None, resume: str | None) -> dict[str, Any]:
    """The parameter that asks for changes only."""
    if incremental is None:
        return {}
    instant = datetime.fromisoformat(resume) if resume else incremental.start
    if instant is None:
        return {}
    utc = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    match incremental.format:
        case "iso":
            written: str | int = utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        case "date":
            written = utc.strftime("%Y-%m-%d")
        case "epoch":
            written = int(utc.timestamp())
        case "epoch_ms":
            written = int(utc.timestamp() * 1000)
        case pattern:
            written = utc.strftime(pattern)
    return {incremental.parameter: written}


def _resume(
    incremental: Incremental | None, started: datetime, server_time: datetime | None
) -> str:
    """Where the next fetch goes on: before this one began, by either clock."""
    if incremental is None:
        return ""
    began = min(started, server_time or started)
    return (began - timedelta(minutes=incremental.overlap_minutes)).isoformat()


# -- walking the pages ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Document:
    """A page with what the walk needs to know of it."""

    page: Page
    content: Any
    records: list[Any]
    headers: Mapping[str, str]


class _Walk:
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
        self._base = base
        self._url = f"{base}/{options.path.lstrip('/')}".rstrip("/")
        self._name = name
        self._options = options
        self._secrets = secrets

    def documents(self, since: Mapping[str, Any]) -> Iterator[tuple[_Document, int]]:
        """Each document with the number of records it adds to those before."""
        how = self._options.pagination
        params = {**self._options.params, **how.parameters(), **since}
        if isinstance(how, ByPage | ByOffset):
            yield from self._by_number(how, params)
        else:
            yield from self._along_the_chain(how, params)

    def _along_the_chain(
        self, how: OnePage | ByCursor | ByLink | ByLinkHeader, params: dict[str, Any]
    ) -> Iterator[tuple[_Document, int]]:
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
                url, asked = str(httpx.URL(url).join(step)), {}

    def _next_step(
        self, how: OnePage | ByCursor | ByLink | ByLinkHeader, document: _Document
    ) -> str | None:
        if isinstance(how, OnePage):
            return None
        if isinstance(how, ByLinkHeader):
            links = httpx.Response(200, headers=dict(document.headers)).links
            return links.get("next", {}).get("url")
        step = _at(document.content, how.next)
        return None if step in (None, "", False) else str(step)

    def _by_number(
        self, how: ByPage | ByOffset, params: dict[str, Any]
    ) -> Iterator[tuple[_Document, int]]:
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
        asked: deque[Future[_Document]] = deque()
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
                if new:
                    yield document, new
                    before = document
                is_over = not new

    def _ask(self, url: str, params: Mapping[str, Any]) -> _Document:
        found: list[_Document] = []

        def complaint(response: Response) -> str | None:
            try:
                content = orjson.loads(response.text)
            except orjson.JSONDecodeError as error:
                return _no_json(response, error)
            records = _at(content, self._options.records or "") if self._has_records else []
            if not isinstance(records, list):
                return f"answered without a list at {self._options.records or 'its top'!r}"
            if self._options.total and not _is_count(_at(content, self._options.total)):
                return f"answered without a number at {self._options.total!r}"
            page = Page(self._name, self._described(response.url), response.text)
            found.append(_Document(page, content, records, response.headers))
            return None

        self._client.request("GET", url, params=params or None, complaint=complaint)
        return found[-1]

    @property
    def _has_records(self) -> bool:
        is_paged = not isinstance(self._options.pagination, OnePage)
        return is_paged or self._options.records is not None

    def total(self, document: _Document) -> int | None:
        """How many records there are altogether, as a document says."""
        path = self._options.total
        return None if path is None else int(_at(document.content, path))

    def _described(self, url: str) -> str:
        """What was asked for, without host and secrets."""
        target = httpx.URL(url).raw_path.decode()
        for secret in self._secrets():
            target = target.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return "GET " + _SECRET_PARAMETERS.sub(r"\1***", target)


@dataclass
class _Tally:
    """Holds what was read against what the server said there was.

    Attributes:
        notices_moves: Whether a record cannot slip away from page to page unnoticed.
    """

    notices_moves: bool
    read: int = 0
    totals: list[int] = field(default_factory=list)
    server_time: datetime | None = None

    def add(self, document: _Document, new: int, total: int | None) -> None:
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
        if self.read < min(self.totals):
            problem = f"{self.read:,} records came, and there are {self.totals[-1]:,}"
        elif self.totals[-1] < self.totals[0] and not self.notices_moves:
            problem = (
                f"the list shrank from {self.totals[0]:,} to {self.totals[-1]:,} records while it "
                "was read, so some may have been passed over"
            )
        else:
            if self.read > max(self.totals):
                _log.warning("%s: more records came than the %d there are", what, max(self.totals))
            return
        raise SourceError(
            f"{what}: {problem}.",
            "Load again; nothing of this fetch is kept. If it happens often, page by cursor or, "
            "with offsets, set an overlap.",
        )


def _server_time(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    threads = ThreadPoolExecutor(_AT_ONCE)
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def _new_records(before: _Document, document: _Document, overlap: int, length: int) -> int:
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


def _check_nothing_new(before: _Document, document: _Document) -> None:
    if any(record not in before.records for record in document.records):
        raise _moved(document)


def _moved(document: _Document) -> SourceError:
    return SourceError(
        f"{document.page.request}: does not follow the page before; the list changed too much "
        "while it was read.",
        "Load again; nothing of this fetch is kept. If it happens often, set a larger overlap.",
    )


def _json_problem(response: Response) -> str | None:
    try:
        orjson.loads(response.text)
    except orjson.JSONDecodeError as error:
        return _no_json(response, error)
    return None


def _no_json(response: Response, error: orjson.JSONDecodeError) -> str:
    kind = response.headers.get("content-type", "text without a type")
    return f"answered {response.status} with {kind} that is not JSON ({error})"


def _at(content: Any, path: str) -> Any:
    """The value at a path such as `meta.next`; None where there is none."""
    for step in path.split(".") if path else ():
        content = content.get(step) if isinstance(content, dict) else None
    return content


def _is_count(value: Any) -> bool:
    return str(value).isdecimal() if isinstance(value, int | str) else False
