"""How secrets are taken out of what is told, remembered and logged.

Known secrets are searched for by their value; what looks like one, by its form. Where secrets
come from is `secret_values.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from inventory_platform.operations.alerts.config import AlertConfig, address
from inventory_platform.secret_values import find_secret, stored_secrets
from inventory_platform.settings import Settings

HIDDEN = "***"
_SHORTEST = 6  # a shorter text would take harmless words out as well
_NAMED = re.compile(r"(?i)password|passwd|secret|token|api_?key|credential|_key$")
_TOKEN = re.compile(r"[\w~.-]{8,}")
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_NAMED_BY = re.compile(r"_env\s*=\s*[\"'](\w+)[\"']")
_FORMS = (
    # user:password@ of any address
    (re.compile(r"(://[^\s:/@]*:)[^\s@]+@"), rf"\1{HIDDEN}@"),
    # password=…, "token": "…", api-key …; the name is kept
    (
        re.compile(
            r"(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|signature|sig)"
            r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;)}\]]+"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
)


class Redactor:
    """Takes secrets out of texts.

    Args:
        secrets: Texts that must not appear anywhere.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        long_enough = {s for s in secrets if len(s) >= _SHORTEST}
        self._secrets = sorted(long_enough, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for form, instead in _FORMS:
            text = form.sub(instead, text)
        return text


def redactor(settings: Settings, config: AlertConfig) -> Redactor:
    """What takes out everything secret that the platform was given.

    That is: the addresses of the channels, the secrets that `sources.toml` and
    `destinations.toml` name, all of the secrets file and of Vault, and every variable whose
    name says that it is a secret.

    Raises:
        SettingsError: A place secrets are kept in cannot be read.
    """
    found = {*_of_entries(settings), *stored_secrets(settings), *_of_environment()}
    return Redactor({*_of_channels(settings, config), *found, *map(unquote, found)})


def _of_channels(settings: Settings, config: AlertConfig) -> Iterator[str]:
    for route in config.routes.values():
        yield from secrets_of(address(settings, route.url_env, "A route"))
    if config.heartbeat.url_env:
        yield from secrets_of(address(settings, config.heartbeat.url_env, "The heartbeat"))


def secrets_of(url: str) -> set[str]:
    """The parts of a channel's address that must not be shown.

    Of an e-mail address that is the password; all else says where it goes. Elsewhere path and
    query are what lets one in, and with Slack also what stands where others have a host.
    """
    parts = urlsplit(url)
    found = {url, parts.password or ""}
    if not parts.scheme.startswith("mailto"):
        found |= {parts.path, parts.query}
        host = "" if parts.scheme == "slack" else parts.netloc
        tokens = _TOKEN.findall(url.partition("://")[2].removeprefix(host))
        found |= {token for token in tokens if re.search(r"\d", token)}
    return {text for secret in found for text in (secret, unquote(secret))}


def _of_entries(settings: Settings) -> Iterator[str]:
    """The secrets that sources and destinations name."""
    files = [settings.sources_file, settings.destinations_file]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())
    for name in {*_PLACEHOLDER.findall(text), *_NAMED_BY.findall(text)}:
        yield find_secret(settings, name) or ""


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if _NAMED.search(name) and not name.endswith("_FILE"):
            yield value
