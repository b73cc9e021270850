"""One session with Linnworks: logging in, quotas, and calling a method.

Here belongs what holds for every method: who we are, which host answers, what a refusal means
and whether an answer is one. Which methods are called is `fetcher.py`.

The answer to a login holds credentials of the database behind Linnworks. Three of its fields
are taken, and it is neither kept nor shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import SecretStr

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.http import HttpClient, HttpStatusError, Response

_USER_AGENT = "inventory-platform"
_AUTHORIZE = "Auth/AuthorizeByApplication"
_ORDERS_V2 = "v2/orders"
_PER_MINUTE = {"Orders/GetOrdersById": 250, "PurchaseOrder/Get_PurchaseOrder": 250}
_DEFAULT_PER_MINUTE = 150
_QUOTA_WORDS = "API calls quota exceeded"
_DOMAIN = ".linnworks.net"
_REGIONS = {"EU", "US", "AS"}


@dataclass(frozen=True)
class Credentials:
    """What an installed application shows to log in."""

    application_id: SecretStr
    application_secret: SecretStr
    token: SecretStr

    def shown(self) -> dict[str, str]:
        """The body of the login."""
        return {
            "ApplicationId": self.application_id.get_secret_value(),
            "ApplicationSecret": self.application_secret.get_secret_value(),
            "Token": self.token.get_secret_value(),
        }


@dataclass(frozen=True)
class Answer:
    """What a method answered.

    Attributes:
        request: What was asked, without secrets.
        body: The answer as it came.
        content: The answer, read.
    """

    request: str
    body: str
    content: Any

    def at(self, path: Sequence[str]) -> Any:
        """The value at a path; None where there is none."""
        return _at(self.content, path)

    def rows(self, path: Sequence[str]) -> list[dict[str, Any]]:
        """The list at a path, which was there when the answer was accepted."""
        found: list[dict[str, Any]] = _at(self.content, path)
        return found


class RefusedError(SourceError):
    """Linnworks says in a 400 that it will not answer this; `message` are its words."""

    def __init__(self, what: str, remedy: str, message: str) -> None:
        super().__init__(what, remedy)
        self.message = message


@dataclass(frozen=True)
class _Session:
    token: str
    server: str
    locality: str
    began: datetime | None


class LinnworksClient:
    """Calls methods within their quotas, and logs in when needed.

    Args:
        address: `linnworks://host`, or `linnworks+http://host` where nobody listens in.
        credentials: What an installed application shows.
        sleep: Waits some seconds.
        clock: A clock in seconds that never goes back.

    Raises:
        SettingsError: The address is not of that form.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entrance = _entrance(address)
        self._credentials = credentials
        self._sleep = sleep
        self._clock = clock
        self._secrets = set(credentials.shown().values())
        self._session: _Session | None = None
        self._door = HttpClient(
            [_host(self._entrance)],
            user_agent=_USER_AGENT,
            default_per_minute=_DEFAULT_PER_MINUTE,
            secrets=lambda: self._secrets,
            retry_body=_is_quota,
            sleep=sleep,
            clock=clock,
        )
        self._desk: HttpClient | None = None

    def __enter__(self) -> LinnworksClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.close()
        if self._desk is not None:
            self._desk.close()

    def call(
        self,
        verb: str,
        method: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        rows: Sequence[str] = (),
        one: tuple[Sequence[str], str] | None = None,
        note: str = "",
    ) -> Answer:
        """Call a method until it answers.

        Args:
            verb: GET sends the arguments in the address, POST as JSON.
            method: Controller and method, such as `Orders/GetOrdersById`.
            arguments: What is asked for.
            rows: Where in the answer a list must be.
            one: For an object instead of a list: where its id must be, and the id asked for.
            note: What tells the request from others, where the arguments would be too long.

        Raises:
            RefusedError: Linnworks answered 400, for another reason than the quota.
            SourceError: Linnworks does not answer or refuses.
        """
        session = self._logged_in()
        fault = partial(_list_fault, rows) if one is None else partial(_object_fault, *one)
        return self._ask(verb, f"{session.server}/api/{method}", method, arguments, fault, note)

    def server_time(self) -> datetime | None:
        """When the session began, by Linnworks' clock, where it shows it.

        Raises:
            SourceError: Linnworks does not let the application in.
        """
        return self._logged_in().began

    def changed_orders(self, arguments: Mapping[str, Any]) -> Answer:
        """A page of the newer list of orders, which goes by their last change.

        Raises:
            RefusedError: Linnworks answered 400, for another reason than the quota.
            SourceError: Linnworks does not answer or refuses.
        """
        url = _orders_v2(self._logged_in())
        fault = partial(_list_fault, ("ProcessedOrders",))
        return self._ask("GET", url, _ORDERS_V2, arguments, fault, "")

    def _ask(
        self,
        verb: str,
        url: str,
        method: str,
        arguments: Mapping[str, Any] | None,
        fault: Callable[[Any], str | None],
        note: str,
    ) -> Answer:
        if self._desk is None:
            raise RuntimeError("nobody has logged in")
        read: list[Any] = []

        def complaint(response: Response) -> str | None:
            try:
                content = orjson.loads(response.text)
            except orjson.JSONDecodeError:
                return f"answered {len(response.text)} characters that are not JSON"
            if missing := fault(content):
                # Errors come with a good status too.
                said = str(_at(content, ["Message"]) or "")[:300]
                return f"answered without {missing}{': ' + said if said else ''}"
            read.append(content)
            return None

        try:
            response = self._desk.request(
                verb,
                url,
                params=arguments if verb == "GET" else None,
                json=(arguments or {}) if verb == "POST" else None,
                quota=method,
                complaint=complaint,
            )
        except HttpStatusError as error:
            if error.status != 400:
                raise
            raise RefusedError(error.what, error.remedy, _message(error.body)) from None
        request = " ".join(filter(None, [verb, method, note or _described(arguments or {})]))
        return Answer(request, response.text, read[-1])

    # -- the session -----------------------------------------------------------------------

    def _logged_in(self) -> _Session:
        if self._session is None:
            self._session = self._log_in()
        if self._desk is None:
            self._desk = HttpClient(
                {_host(self._session.server), _host(_orders_v2(self._session))},
                user_agent=_USER_AGENT,
                headers={"accept": "application/json"},
                per_minute=_PER_MINUTE,
                default_per_minute=_DEFAULT_PER_MINUTE,
                authorize=self._authorization,
                secrets=lambda: self._secrets,
                retry_body=_is_quota,
                sleep=self._sleep,
                clock=self._clock,
            )
        return self._session

    def _authorization(self, renew: bool) -> Mapping[str, str]:
        session = self._session
        if session is None or renew:
            renewed = self._log_in()
            if session is not None and renewed.server != session.server:
                raise SourceError(
                    "Linnworks moved this account to another server while it was being read.",
                    "Load again; what was committed before is kept.",
                    is_transient=True,
                )
            self._session = session = renewed
        # Linnworks takes the token as it is, without a word such as Bearer before it.
        return {"authorization": session.token}

    def _log_in(self) -> _Session:
        read: list[Any] = []

        def complaint(response: Response) -> str | None:
            try:
                content = orjson.loads(response.text)
            except orjson.JSONDecodeError:
                content = None
            if not all(isinstance(_at(content, [name]), str) for name in ("Token", "Server")):
                return "answered without a session"
            read.append(content)
            return None

        try:
            response = self._door.request(
                "POST",
                f"{self._entrance}/api/{_AUTHORIZE}",
                json=self._credentials.shown(),
                quota=_AUTHORIZE,
                complaint=complaint,
            )
        except HttpStatusError as error:
            raise SourceError(
                f"Linnworks does not let the application in: {_message(error.body) or error.what}",
                "Check application_id, application_secret and token in the source's entry, and "
                "that the application is still installed.",
            ) from None
        session = _Session(
            token=read[-1]["Token"],
            server=read[-1]["Server"].rstrip("/"),
            locality=str(_at(read[-1], ["Locality"])).upper(),
            began=_date(response.headers),
        )
        self._secrets.add(session.token)
        state = _at(read[-1], ["Status", "State"]) or "AVAILABLE"
        if state != "AVAILABLE":
            raise SourceError(
                f"The Linnworks account is not available: its state is {state!r}.",
                "Load again later, or ask Linnworks about the account.",
                is_transient=True,
            )
        self._check_server(session)
        return session

    def _check_server(self, session: _Session) -> None:
        server = urlsplit(session.server)
        is_ours = server.scheme == "https" and (server.hostname or "").endswith(_DOMAIN)
        if not is_ours and _host(session.server) != _host(self._entrance):
            raise SourceError(
                f"Linnworks names {server.netloc!r} as the server of this account, which is not "
                "one of its own.",
                "Check the address in the source's entry.",
            )


def _entrance(address: str) -> str:
    scheme, _, place = address.rstrip("/").partition("://")
    schemes = {"linnworks": "https", "linnworks+http": "http"}
    url = urlsplit(f"{schemes.get(scheme, '')}://{place}")
    if not url.scheme or not url.hostname or url.path or url.query or url.username:
        raise SettingsError(
            "The address of a Linnworks source is not of the form linnworks://host.",
            "Use linnworks://api.linnworks.net; the credentials have keys of their own.",
        )
    return url.geturl()


def _host(url: str) -> str:
    """How the HTTP client is told that a host may be asked."""
    parts = urlsplit(url)
    return ("http://" if parts.scheme == "http" else "") + parts.netloc


def _orders_v2(session: _Session) -> str:
    """Where the newer list of orders is: at Linnworks, every region has a host for it."""
    host = urlsplit(session.server).hostname or ""
    if host.endswith(_DOMAIN) and session.locality in _REGIONS:
        return f"https://{session.locality.lower()}-api{_DOMAIN}/{_ORDERS_V2}"
    return f"{session.server}/{_ORDERS_V2}"


def _is_quota(_status: int, body: str) -> bool:
    return _QUOTA_WORDS in body


def _message(body: str) -> str:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(_at(content, ["Message"]) or "")


def _at(content: Any, path: Sequence[str]) -> Any:
    for step in path:
        content = content.get(step) if isinstance(content, dict) else None
    return content


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _list_fault(path: Sequence[str], content: Any) -> str | None:
    if isinstance(_at(content, path), list):
        return None
    return f"the list{' at ' + '.'.join(path) if path else ''}"


def _object_fault(path: Sequence[str], asked: str, content: Any) -> str | None:
    if str(_at(content, path)).lower() == asked.lower():
        return None
    return f"the object with {'.'.join(path)} {asked}"


def _described(arguments: Mapping[str, Any]) -> str:
    """Arguments on one line.

    >>> _described({"request": {"PageNumber": 1, "Sorting": {"Field": "x"}}, "empty": ""})
    'PageNumber=1 Field=x'
    """
    parts = []
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            parts.append(_described(value))
        elif value not in ("", None) and not isinstance(value, list | tuple):
            parts.append(f"{name}={value}")
    return " ".join(filter(None, parts))
