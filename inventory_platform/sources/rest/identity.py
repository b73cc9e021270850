"""Who the platform is to an API: keys, passwords and tokens."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from urllib.parse import quote

import httpx
import orjson

from inventory_platform.errors import SourceError
from inventory_platform.sources.http import HttpClient, HttpLimits
from inventory_platform.sources.rest.answers import json_problem, value_at
from inventory_platform.sources.rest.options import (
    Auth,
    BasicAuth,
    BearerAuth,
    ClientCredentials,
    HeaderAuth,
)

USER_AGENT = "inventory-platform"
_MARGIN_SECONDS = 30
"""How long before its end a token is no longer used."""


def host_of(url: httpx.URL) -> str:
    """How the HTTP client is told that a host may be asked."""
    return ("http://" if url.scheme == "http" else "") + url.netloc.decode()


class Identity:
    """Who we are to one API.

    Attributes:
        headers: What is sent with each request.
        authorize: Gives further headers that change, as the HTTP client asks for them.
    """

    def __init__(self, auth: Auth | None, base: httpx.URL, limits: HttpLimits) -> None:
        self.headers: dict[str, str] = {}
        self.authorize: Tokens | None = None
        self._secrets: set[str] = set()
        match auth:
            case HeaderAuth():
                value = auth.value.get_secret_value()
                self.headers, self._secrets = {auth.name: value}, {value}
            case BearerAuth():
                token = auth.token.get_secret_value()
                self.headers, self._secrets = {"authorization": f"Bearer {token}"}, {token}
            case BasicAuth():
                password = auth.password.get_secret_value()
                packed = _packed(auth.username, password)
                self.headers = {"authorization": f"Basic {packed}"}
                self._secrets = {password, packed}
            case ClientCredentials():
                self.authorize = Tokens(auth, base, limits)

    def secrets(self) -> set[str]:
        """Everything that must not appear in a message."""
        return self._secrets | (self.authorize.secrets if self.authorize else set())


class Tokens:
    """The current token of a client, as the HTTP client asks for it."""

    def __init__(self, auth: ClientCredentials, base: httpx.URL, limits: HttpLimits) -> None:
        self._auth = auth
        self._url = base.join(auth.token_url)
        self._limits = limits
        self._secret = auth.client_secret.get_secret_value()
        self._expires = 0.0
        self._headers: dict[str, str] = {}
        # Both are percent-encoded before they are joined (RFC 6749, 2.3.1).
        self._packed = _packed(quote(auth.client_id, safe=""), quote(self._secret, safe=""))
        self.secrets = {self._secret, self._packed}

    def __call__(self, renew: bool) -> Mapping[str, str]:
        """Return the headers, with a new token when the old one was refused or is old."""
        if renew or time.monotonic() >= self._expires:
            self._renew()
        return self._headers

    def _renew(self) -> None:
        form = {"grant_type": "client_credentials"}
        if self._auth.scope:
            form["scope"] = self._auth.scope
        with HttpClient(
            [host_of(self._url)],
            user_agent=USER_AGENT,
            headers={"authorization": f"Basic {self._packed}"},
            limits=self._limits,
            secrets=lambda: self.secrets,
        ) as client:
            response = client.request("POST", str(self._url), form=form, complaint=json_problem)
        answer = orjson.loads(response.text)
        token = value_at(answer, "access_token")
        if not isinstance(token, str) or not token:
            raise SourceError(
                f"{host_of(self._url)} gave no access_token.",
                "Check token_url and the client's credentials in the source's entry.",
            )
        lifetime = value_at(answer, "expires_in")
        seconds = lifetime if isinstance(lifetime, int | float) else float("inf")
        self._expires = time.monotonic() + seconds - _MARGIN_SECONDS
        self._headers = {"authorization": f"Bearer {token}"}
        self.secrets.add(token)


def _packed(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()
