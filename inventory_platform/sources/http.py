"""The one HTTP client: asks politely, waits within limits, and never goes anywhere else.

Here belongs what holds for every source that is asked over HTTP: which hosts may be spoken
to, time and size limits, retries, quotas and the renewal of a token. What an answer means is
the business of the source that asked.

Requests must be harmless when repeated: every one may be sent more than once.
"""

from __future__ import annotations

import logging
import random
import re
import ssl
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from math import inf
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpcore
import httpx

from inventory_platform.errors import SourceError

_log = logging.getLogger(__name__)

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 5
_WINDOW_SECONDS = 61.0
"""A minute, and a second for requests that travelled faster than the ones before."""
_FAILURE_WAIT_SECONDS = 1.0
_QUOTA_WAIT_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 30.0
_CONNECTIONS = 16


@dataclass(frozen=True)
class HttpLimits:
    """What one request may cost.

    Attributes:
        connect_seconds: For a connection to be made.
        read_seconds: Between two pieces of an answer.
        total_seconds: From sending to the last byte of an answer, each time it is sent.
        max_bytes: Size of an answer's body, unpacked.
        attempts: How often the same thing is asked at most.
        max_wait_seconds: All waiting between the attempts together, quotas not included; and
            how long a server may hold up the requests that share a quota.
    """

    connect_seconds: float = 10
    read_seconds: float = 30
    total_seconds: float = 120
    max_bytes: int = 64 * 1024 * 1024
    attempts: int = 6
    max_wait_seconds: float = 180


class HttpStatusError(SourceError):
    """The server refused a request, and would refuse it again.

    Attributes:
        status: The HTTP status, below 500.
        body: What the server said, without secrets.
    """

    def __init__(self, what: str, remedy: str, *, status: int, body: str) -> None:
        super().__init__(what, remedy)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Response:
    """An answer that arrived whole.

    Attributes:
        status: The HTTP status: 2xx, or 304 where the request had a condition.
        headers: The headers, their names in lower case.
        text: The body.
        url: Where it came from, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    url: str


class HttpClient:
    """Asks some hosts, and no others. May be used by several threads at once.

    Args:
        hosts: Hosts that may be asked, as `host[:port]`, over TLS only; with `http://` in
            front also in the clear. Loopback addresses need no TLS.
        user_agent: How the platform introduces itself.
        headers: Sent with each request.
        limits: What one request may cost.
        per_minute: Requests admitted in any minute, by quota.
        default_per_minute: The same for quotas that are not in `per_minute`; None for any
            number.
        authorize: Gives the headers that identify us; called with True after they were
            refused. Called by one thread at a time; must not use this client.
        secrets: Texts that must not appear in any message.
        retry_body: Whether a refusal, or an answer that there is a complaint about, means by
            its status and body that a quota is used up, so that it is waited for as after 429.
        sleep: Waits some seconds.
        clock: A clock in seconds that never goes back.
    """

    def __init__(
        self,
        hosts: Collection[str],
        *,
        user_agent: str,
        headers: Mapping[str, str] | None = None,
        limits: HttpLimits | None = None,
        per_minute: Mapping[str, int] | None = None,
        default_per_minute: int | None = None,
        authorize: Callable[[bool], Mapping[str, str]] | None = None,
        secrets: Callable[[], Collection[str]] | None = None,
        retry_body: Callable[[int, str], bool] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._introduction = {
            "user-agent": user_agent,
            "accept": "*/*",
            "accept-encoding": "gzip",
        }
        self._headers = dict(headers or {})
        self._limits = limits or HttpLimits()
        self._per_minute = dict(per_minute or {})
        self._default_per_minute = default_per_minute
        self._authorize = authorize or _as_nobody
        self._may_renew = authorize is not None
        self._secrets = secrets
        self._retry_body = retry_body
        self._sleep = sleep
        self._clock = clock
        self._authorizing = threading.Lock()
        self._noting = threading.Lock()
        self._quotas: dict[str, _Quota] = {}
        self._deprecations: set[tuple[str, str]] = set()
        self._deadline = _Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusted(),
            max_connections=_CONNECTIONS,
            keepalive_expiry=15,
            network_backend=_BoundedNetwork(self._deadline),
        )

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        quota: str | None = None,
        complaint: Callable[[Response], str | None] | None = None,
    ) -> Response:
        """Ask until there is an answer, as often and as long as the limits allow.

        Args:
            method: The HTTP method.
            url: Address on one of the client's hosts.
            params: Query parameters, added to those in the address.
            json: Body to be sent as JSON.
            form: Body to be sent as an HTML form.
            content: Body to be sent as it is; its type is among the headers.
            headers: Sent besides the client's.
            quota: Which quota the request counts against.
            complaint: Says what is wrong with an answer that came with a good status, such as
                an error page; it is then asked for again.

        Raises:
            HttpStatusError: The server refuses: a status from 400 to 499, a 401 only after
                the authorization was renewed.
            SourceError: The server cannot be reached, answers too slowly, too much or not at
                all, or sends us to a place that is not allowed.
        """
        try:
            request = httpx.Request(
                method, url, params=params, json=json, data=form, content=content
            )
            request.headers.update(headers or {})
            return self._insist(request, self._quota(quota or ""), complaint)
        except httpx.InvalidURL:
            raise SourceError(
                f"{self._clean(url.partition('?')[0])!r} is no address.",
                "Correct the source's entry.",
            ) from None
        except HttpStatusError as error:
            raise HttpStatusError(
                self._clean(error.what),
                error.remedy,
                status=error.status,
                body=self._clean(error.body),
            ) from None
        except SourceError as error:
            # Without the chain of causes: it would show what was just removed.
            raise SourceError(
                self._clean(error.what), error.remedy, is_transient=error.is_transient
            ) from None

    def _insist(
        self,
        request: httpx.Request,
        quota: _Quota,
        complaint: Callable[[Response], str | None] | None,
    ) -> Response:
        waited, attempt, may_renew = 0.0, 1, self._may_renew
        while True:
            quota.take(_name(request), self._limits.max_wait_seconds, self._sleep, self._clock)
            with self._authorizing:
                authorization = self._authorize(False)
            try:
                response = self._follow(request, authorization)
                if response.status == HTTPStatus.UNAUTHORIZED and may_renew:
                    self._renew(authorization)
                    may_renew = False
                    continue
                self._judge(request, response, complaint)
                return response
            except _TransientError as error:
                what = f"{_name(request)}: {error.problem}"
                wait = _wait(error, attempt)
                if error.is_quota:
                    quota.hold(wait, self._clock)
            if attempt == self._limits.attempts:
                raise SourceError(
                    f"{what}, {attempt} times in a row.",
                    "Load again later. If it stays, ask who runs the server; nothing that was "
                    "kept before is lost.",
                    is_transient=True,
                )
            if waited + wait > self._limits.max_wait_seconds:
                raise SourceError(
                    f"{what}; after waiting {waited:.0f} s it would take another {wait:.0f} s, "
                    f"and {self._limits.max_wait_seconds:.0f} s are the limit.",
                    "Load again later, or ask for less at a time.",
                    is_transient=True,
                )
            _log.info("%s; asking again in %.0f s", self._clean(what), wait)
            self._sleep(wait)
            waited += wait
            attempt += 1

    def _follow(self, request: httpx.Request, authorization: Mapping[str, str]) -> Response:
        identity = {**self._headers, **authorization}
        for _ in range(_MAX_REDIRECTS + 1):
            self._check_destination(request)
            response = self._send(request, identity)
            target = response.headers.get("location")
            if response.status not in _REDIRECTS or target is None:
                return response
            redirected = _redirected(request, response.status, target)
            if redirected.url.netloc != request.url.netloc:
                identity = {}
            request = redirected
        raise SourceError(
            f"{_name(request)}: more than {_MAX_REDIRECTS} redirects.",
            "Correct the source's address.",
        )

    def _check_destination(self, request: httpx.Request) -> None:
        url = request.url
        place = url.netloc.decode().lower()
        places = {place}
        if url.port is None:
            places.add(f"{place}:{443 if url.scheme == 'https' else 80}")
        in_the_clear = {f"http://{p}" for p in places}
        if url.scheme == "https" or (url.scheme == "http" and url.host in _LOOPBACK):
            allowed = places | in_the_clear
        else:
            allowed = in_the_clear if url.scheme == "http" else set()
        if self._hosts & allowed:
            return
        reason = "is not encrypted" if self._hosts & places else "is not one of the source's hosts"
        raise SourceError(
            f"{_name(request)}: not asked, as it {reason}.",
            "The address came from the settings, a redirect or a link in an answer. If it is "
            "right, name it in the source's entry.",
        )

    def _send(self, request: httpx.Request, identity: Mapping[str, str]) -> Response:
        limits = self._limits
        headers = _joined_headers(self._introduction, identity, request.headers)
        outgoing = httpcore.Request(
            request.method,
            str(request.url),
            headers=headers.raw,
            content=request.read(),
            extensions={
                "timeout": {
                    "connect": limits.connect_seconds,
                    "read": limits.read_seconds,
                    "write": limits.read_seconds,
                    "pool": limits.total_seconds,
                }
            },
        )
        self._deadline.at = time.monotonic() + limits.total_seconds
        try:
            answer = self._pool.handle_request(outgoing)
            with closing(answer):
                received = httpx.Headers(answer.headers)
                body = _body(answer.iter_stream(), received, limits.max_bytes, _name(request))
        except httpcore.LocalProtocolError:
            # Its message shows the header.
            raise _unsendable() from None
        except httpcore.TimeoutException:
            raise _TransientError("no answer in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, zlib.error) as error:
            raise _TransientError(f"no whole answer ({error or type(error).__name__})") from None
        response = Response(
            answer.status, dict(received), _text(body, received, request), str(request.url)
        )
        self._note_deprecation(request, response)
        return response

    def _judge(
        self,
        request: httpx.Request,
        response: Response,
        complaint: Callable[[Response], str | None] | None,
    ) -> None:
        status = response.status
        if status == HTTPStatus.NOT_MODIFIED and not _CONDITIONS & request.headers.keys():
            raise _TransientError(f"answered {_status_name(status)}, which was not asked")
        if status < 300 or status == HTTPStatus.NOT_MODIFIED:
            problem = complaint(response) if complaint and status < 300 else None
            if problem:
                is_quota = self._says_quota(response)
                wait = _retry_after(response) if is_quota else None
                raise _TransientError(problem, wait=wait, is_quota=is_quota)
            return
        answered = f"answered {_status_name(status)}"
        is_quota = status == HTTPStatus.TOO_MANY_REQUESTS or self._says_quota(response)
        if is_quota or status == HTTPStatus.REQUEST_TIMEOUT or status >= 500:
            raise _TransientError(answered, wait=_retry_after(response), is_quota=is_quota)
        # A secret that is cut in two would no longer be recognised.
        said = " ".join(self._clean(response.text).split())[:300]
        raise HttpStatusError(
            f"{_name(request)}: {answered}{': ' + said if said else ''}.",
            _REMEDIES.get(status, "Correct what is asked for in the source's entry."),
            status=status,
            body=response.text,
        )

    def _says_quota(self, response: Response) -> bool:
        return self._retry_body is not None and self._retry_body(response.status, response.text)

    def _renew(self, refused: Mapping[str, str]) -> None:
        with self._authorizing:
            # Another thread may have been refused as well and have renewed it already.
            if self._authorize(False) == refused:
                self._authorize(True)

    def _quota(self, name: str) -> _Quota:
        with self._noting:
            if name not in self._quotas:
                limit = self._per_minute.get(name, self._default_per_minute)
                self._quotas[name] = _Quota(limit)
            return self._quotas[name]

    def _note_deprecation(self, request: httpx.Request, response: Response) -> None:
        said = ", ".join(
            f"{n}: {response.headers[n]}" for n in _DEPRECATIONS if n in response.headers
        )
        with self._noting:
            if not said or (request.url.host, said) in self._deprecations:
                return
            self._deprecations.add((request.url.host, said))
        _log.warning("%s", self._clean(f"{_name(request)} will go away, says its server ({said})"))

    def _clean(self, text: str) -> str:
        for secret in sorted(self._secrets() if self._secrets else (), key=len, reverse=True):
            if secret:
                text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return text


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Whose certificates count; read once, as it takes a while."""
    return httpx.create_ssl_context()


def _as_nobody(_renew: bool) -> Mapping[str, str]:
    return {}


_CONDITIONS = {"if-none-match", "if-modified-since"}
_DEPRECATIONS = ("deprecation", "sunset")
_REMEDIES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "Check the credentials in the source's entry.",
    HTTPStatus.FORBIDDEN: "Let whoever runs the server grant this to our credentials.",
    HTTPStatus.NOT_FOUND: "Correct the address or the path in the source's entry.",
}


class _TransientError(Exception):
    """Something that may be over at the next attempt."""

    def __init__(self, problem: str, *, wait: float | None = None, is_quota: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.wait = wait
        self.is_quota = is_quota


@dataclass
class _Quota:
    """Spaces requests so that no minute holds more than it may."""

    limit: int | None
    taken: deque[float] = field(init=False)
    held_until: float = -inf
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.taken = deque(maxlen=self.limit or 0)

    def take(
        self,
        what: str,
        longest_hold: float,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        """Wait for a place in the window.

        Raises:
            SourceError: The server wants to be left alone for longer than that.
        """
        with self.lock:
            now = clock()
            held = self.held_until - now
            if held > longest_hold:
                raise SourceError(
                    f"{what}: not asked, as the server wants no request for another {held:.0f} s, "
                    f"and {longest_hold:.0f} s are the limit.",
                    "Load again later, or ask for less at a time.",
                    is_transient=True,
                )
            start = max(now, self.held_until)
            if self.limit is not None and len(self.taken) == self.limit:
                start = max(start, self.taken[0] + _WINDOW_SECONDS)
            self.taken.append(start)
        if start > now:
            sleep(start - now)

    def hold(self, seconds: float, clock: Callable[[], float]) -> None:
        """Let no request through for a while: the server said that it is too much."""
        with self.lock:
            self.held_until = max(self.held_until, clock() + seconds)


def _wait(error: _TransientError, attempt: int) -> float:
    """Seconds until the next attempt."""
    backoff = _backoff(attempt, error.is_quota)
    if error.wait is None:
        return backoff
    # Who asks for less is believed once: "at once", said again and again, would use up all
    # attempts in no time.
    return error.wait if attempt == 1 else max(error.wait, backoff)


def _backoff(attempt: int, is_quota: bool) -> float:
    first = _QUOTA_WAIT_SECONDS if is_quota else _FAILURE_WAIT_SECONDS
    longest = min(_LONGEST_WAIT_SECONDS, first * 2.0 ** (attempt - 1))
    # Several clients that failed together must not come back together. A quota is given back
    # after a minute, which all waits together must outlast.
    least, most = (1.0, 1.25) if is_quota else (0.5, 1.0)
    return longest * random.uniform(least, most)


def _retry_after(response: Response) -> float | None:
    """Seconds the server asks us to wait, given as a number or as a date."""
    asked = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", asked):
        return float(asked)
    until = _http_date(asked)
    if until is None:
        return None
    # The server's own clock, where it shows it: ours may be wrong.
    now = _http_date(response.headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _joined_headers(*several: Mapping[str, str]) -> httpx.Headers:
    headers = httpx.Headers()
    try:
        for given in several:
            headers.update(given)
    except UnicodeEncodeError:
        raise _unsendable() from None
    return headers


def _unsendable() -> SourceError:
    return SourceError(
        "A header holds characters that cannot be sent, such as a line break.",
        "Correct the keys, tokens and headers of the source's entry, or the environment "
        "variables they come from.",
    )


def _redirected(request: httpx.Request, status: int, target: str) -> httpx.Request:
    try:
        url = request.url.join(target)
    except httpx.InvalidURL:
        raise SourceError(
            f"{_name(request)}: redirects to {target[:100]!r}, which is no address.",
            "Correct the source's address, or ask who runs the server.",
        ) from None
    repeats = status in {307, 308} or request.method in {"GET", "HEAD"}
    headers = {n: v for n, v in request.headers.items() if n not in {"host", "content-length"}}
    if url.netloc != request.url.netloc:
        headers = {}
    if repeats:
        return httpx.Request(request.method, url, headers=headers, content=request.read())
    headers.pop("content-type", None)
    return httpx.Request("GET", url, headers=headers)


def _body(pieces: Iterable[bytes], headers: httpx.Headers, max_bytes: int, name: str) -> bytearray:
    """Read a body to its end, unpacked, and no further than the limit."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise SourceError(
            f"{name}: the answer is packed as {encoding!r}, which was not asked for.",
            "Ask who runs the server to send it as gzip or unpacked.",
        )
    unpacked = pieces if encoding == "identity" else _unpack(pieces, max_bytes)
    body = bytearray()
    for piece in unpacked:
        body += piece
        if len(body) > max_bytes:
            raise SourceError(
                f"{name}: the answer is larger than {max_bytes:,} bytes.",
                "Ask for less at a time, such as smaller pages.",
            )
    return body


def _unpack(pieces: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Unpack gzip data, never more of it at a time than the limit and a byte."""
    unpacker = None
    for piece in pieces:
        packed = piece
        while packed:
            if unpacker is None:
                unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            yield unpacker.decompress(packed, max_bytes + 1)
            packed = unpacker.unconsumed_tail
            if unpacker.eof:
                # Packed data may consist of several parts, one after the other.
                packed, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        raise zlib.error("cut off")


def _text(body: bytearray, headers: httpx.Headers, request: httpx.Request) -> str:
    kind = headers.get("content-type", "")
    declared = re.search(r"charset=[\"']?([\w-]+)", kind, re.IGNORECASE)
    if declared is None and "html" in kind:
        inside = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", body[:2048], re.IGNORECASE)
        charset = inside[1].decode() if inside else "utf-8"
    else:
        charset = declared[1] if declared else "utf-8"
    try:
        # A byte order mark is not part of the text.
        return body.decode("utf-8-sig" if charset.lower() in {"utf-8", "utf8"} else charset)
    except (UnicodeError, LookupError) as error:
        problem = str(error)
    raise SourceError(
        f"{_name(request)}: the answer is not text in {charset}: {problem}.",
        "Ask who runs the server to declare the encoding in Content-Type, or to correct it.",
    )


def _name(request: httpx.Request) -> str:
    """What was asked, without the query, which may hold secrets."""
    url = request.url
    port = f":{url.port}" if url.port else ""
    return f"{request.method} {url.scheme}://{url.host}{port}{url.path}"


def _status_name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


class _Deadline(threading.local):
    """When the answer this thread waits for must be complete."""

    at: float = inf

    def within(self, seconds: float | None) -> float:
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left if seconds is None else min(left, seconds)


class _BoundedStream(httpcore.NetworkStream):
    """A connection on which no wait outlasts the deadline.

    A server that sends a byte now and then passes every limit on single waits.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(
            ssl_context, server_hostname, self._deadline.within(timeout)
        )
        return _BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _BoundedNetwork(httpcore.SyncBackend):
    """Makes connections that keep to the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        options["timeout"] = self._deadline.within(options.get("timeout"))
        return _BoundedStream(super().connect_tcp(*arguments, **options), self._deadline)
