"""Who may call, how often, and what goes wrong on purpose.

Here belong sessions, quotas, the count of calls and ordered failures; nothing here knows what a
method answers.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from inventory_platform.sandbox.linnworks.arguments import Arguments, RefusedError
from inventory_platform.sandbox.linnworks.catalogue import guid
from inventory_platform.sandbox.linnworks.faults import Faults

_MINUTE = 60.0


@dataclass(frozen=True)
class Credentials:
    """What an application shows to get a session. The defaults are no secrets."""

    application_id: str = "11111111-1111-1111-1111-111111111111"
    application_secret: str = "22222222-2222-2222-2222-222222222222"
    token: str = "33333333-3333-3333-3333-333333333333"


@dataclass(frozen=True)
class Failure:
    """An answer that is given instead of the right one."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Gate:
    """Decides about every call before it is answered."""

    def __init__(
        self,
        credentials: Credentials,
        faults: Faults,
        clock: Callable[[], float],
        *,
        session_seconds: float,
        quota_factor: float,
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.session_seconds = session_seconds
        self._credentials = credentials
        self._faults = faults
        self._clock = clock
        self._quota_factor = quota_factor
        self._last_used: dict[str, float] = {}
        self._logins = 0
        self._windows: dict[str, tuple[float, int]] = {}
        self._failures: dict[str, deque[Failure]] = {}

    def login(self, arguments: Arguments) -> str:
        """Open a session.

        Returns:
            Its token.

        Raises:
            RefusedError: The credentials are wrong.
        """
        shown = Credentials(
            arguments.text("applicationId") or arguments.text("ApplicationId"),
            arguments.text("applicationSecret") or arguments.text("ApplicationSecret"),
            arguments.text("token") or arguments.text("Token"),
        )
        if shown != self._credentials:
            raise RefusedError(400, "The application id, its secret or the token is not valid.")
        self._logins += 1
        token = guid("session", self._logins)
        self._last_used[token] = self._clock()
        return token

    def expire_sessions(self) -> None:
        """End all sessions."""
        self._last_used.clear()

    def plan(self, method: str, times: int, failure: Failure) -> None:
        """Let the next calls of a method fail."""
        self._failures.setdefault(method, deque()).extend([failure] * times)

    def planned(self, method: str) -> Failure | None:
        """Count a call, and say how it fails if that was ordered."""
        self.calls[method] += 1
        waiting = self._failures.get(method)
        return waiting.popleft() if waiting else None

    def check_session(self, token: str) -> None:
        """Let only calls with a living session through, and keep it alive.

        Raises:
            RefusedError: There is no such session, or it was idle for too long.
        """
        now = self._clock()
        last_used = self._last_used.get(token)
        if last_used is None or now - last_used > self.session_seconds:
            self._last_used.pop(token, None)
            raise RefusedError(401, "The session is not valid or has expired.")
        self._last_used[token] = now

    def check_quota(self, method: str, per_minute: int) -> None:
        """Let only so many calls of a method through in a minute.

        Raises:
            RefusedError: There were too many.
        """
        now = self._clock()
        began, count = self._windows.get(method, (now, 0))
        if now - began >= _MINUTE:
            began, count = now, 0
        self._windows[method] = (began, count + 1)
        limit = max(1, round(per_minute * self._quota_factor))
        if count >= limit:
            wait = math.ceil(began + _MINUTE - now)
            headers = {"Retry-After": str(wait)} if self._faults.retry_after else {}
            raise RefusedError(429, _quota_message(limit), headers)

    def check_luck(self, method: str, per_minute: int) -> None:
        """Let a call fail every now and then, if the server is to be like that.

        Raises:
            RefusedError: It is this call's turn.
        """
        number = self.calls[method]
        every = self._faults.server_error_every
        if every and number % every == 0:
            status = 500 if number // every % 2 else 503
            raise RefusedError(status, "An error has occurred.")
        every = self._faults.quota_on_400_every
        if every and number % every == 0:
            raise RefusedError(400, _quota_message(per_minute))


def _quota_message(limit: int) -> str:
    return f"API calls quota exceeded! Maximum admitted {limit} per Minute."
