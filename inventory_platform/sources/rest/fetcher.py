"""From an entry to pages and a checkpoint.

A fetch has one checkpoint, at its end: the order of the pages says nothing about what is
already in them, so an unfinished walk is worth nothing. What changes while it runs is asked
for again, as the next one goes on from where this one started, less an overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from inventory_platform.errors import SettingsError
from inventory_platform.sources.base import Checkpoint, Fetch, FetchItem
from inventory_platform.sources.http import HttpClient
from inventory_platform.sources.rest.identity import USER_AGENT, Identity, host_of
from inventory_platform.sources.rest.options import Incremental, read_options
from inventory_platform.sources.rest.pages import Tally, Walk


class RestFetcher:
    """Fetches what an entry of `sources.toml` describes.

    Args:
        address: `rest+https://host/path`; `rest+http://` only where nobody listens in. It is
            looked at when something is fetched; before, it may hold placeholders.
        options: The entry's other keys, as in `RestOptions`.

    Raises:
        SettingsError: An option is unknown or wrong; names each, shows no value.
    """

    def __init__(self, address: str, options: Mapping[str, Any]) -> None:
        self._address = address
        self._options = read_options(options)

    def fetches(self) -> Mapping[str, Fetch]:
        """What can be fetched, by name; each brings one stream of its own name."""
        return {
            name: Fetch((name,), options.description or f"GET {options.path}")
            for name, options in self._options.fetch.items()
        }

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        """Ask for everything that is new since a checkpoint, or for everything.

        Raises:
            SettingsError: The address is none of a REST source.
            SourceError: The server does not answer, refuses, or answers with less than it has.
        """
        base = _base_url(self._address)
        options = self._options.fetch[name]
        started = datetime.now(UTC)
        tally = Tally(options.pagination.notices_moves)
        identity = Identity(self._options.auth, base, self._options.limits)
        with self._client(base, identity) as client:
            walk = Walk(client, base, name, options, identity.secrets)
            walked = walk.documents(_since(options.incremental, resume))
            for number, (document, new) in enumerate(walked):
                tally.add(document, new, walk.total(document))
                if number == 0 or document.records:
                    yield document.page
        tally.check(f"{name} of {host_of(base)}")
        yield Checkpoint(_resume(options.incremental, started, tally.server_time))

    def _client(self, base: httpx.URL, identity: Identity) -> HttpClient:
        options = self._options
        return HttpClient(
            [host_of(base)],
            user_agent=USER_AGENT,
            headers={"accept": "application/json", **options.headers, **identity.headers},
            limits=options.limits,
            default_per_minute=options.rate_per_minute,
            authorize=identity.authorize,
            secrets=identity.secrets,
        )


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
