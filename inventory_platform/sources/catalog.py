"""Which sources exist and where each is read from: the entries of `sources.toml`.

An entry names an address and what its kind of source needs to know besides. Passwords never
stand in the file: `${NAME}` anywhere in an entry is replaced by the secret of that name
(`secret_values.py`), and what came from there is hidden wherever it would be shown.

Here an entry is told what reads it; the readers themselves are the other modules, imported
only when a source of their kind is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any
from urllib.parse import unquote

from inventory_platform.errors import SettingsError
from inventory_platform.secret_values import require_secret
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.sources.base import Fetcher, Reader
from inventory_platform.sources.clear_text import check_encrypted
from inventory_platform.sources.sandboxed import sandbox_address

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_OWN_KEYS = {"address", "description", "fresh_within_hours"}
_KINDS = {
    "": "file",
    "file": "file",
    "s3": "file",
    "gs": "file",
    "abfss": "file",
    "abfs": "file",
    "az": "file",
    "memory": "file",
    "sqlite": "sqlite",
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mssql": "sqlserver",
    "oracle": "oracle",
    "mqtt": "mqtt",
    "mqtts": "mqtt",
    "kafka": "kafka",
    "linnworks": "linnworks",
    "linnworks+http": "linnworks",
    "rest+http": "rest",
    "rest+https": "rest",
    "shop+http": "website",
    "shop+https": "website",
}
"""Scheme of an address → the kind of source, as shown on the asset graph."""
_SHORTEST_HOURS = 0.1
"""Dagster takes no window below a minute."""
_FETCHED = {"linnworks", "rest", "website"}
_STREAMED = {"mqtt", "kafka"}


@dataclass(frozen=True)
class Source:
    """One entry of `sources.toml`.

    Attributes:
        name: Name of the source here; prefix of its relations.
        address: Where it is read from, with `${NAME}` for secrets.
        description: One sentence on what it is.
        options: Everything else the entry says; each kind of source has its own words.
        fresh_within_hours: Age of the last load from which on the source's tables are stale;
            None where nobody asks.
    """

    name: str
    address: str
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    fresh_within_hours: float | None = None

    @property
    def kind(self) -> str:
        """What kind of system it is, as shown on the asset graph."""
        return _kind(self.address)

    @property
    def is_fetched(self) -> bool:
        """Whether it is asked for pages that are kept before tables are read out of them."""
        return self.kind in _FETCHED

    @property
    def is_streamed(self) -> bool:
        """Whether it pushes messages, which can be taken in continuously."""
        return self.kind in _STREAMED

    def fetcher(self) -> Fetcher:
        """What asks the source for pages, where it is one that is asked.

        Placeholders that are not resolved are no obstacle to naming what can be fetched.

        Raises:
            SettingsError: An option is unknown or wrong.
        """
        match self.kind:
            case "linnworks":
                from inventory_platform.sources.linnworks import LinnworksFetcher

                return LinnworksFetcher(self.address, self.options)
            case "rest":
                from inventory_platform.sources.rest import RestFetcher

                return RestFetcher(self.address, self.options)
            case "website":
                from inventory_platform.sources.crawler import CrawlFetcher

                return CrawlFetcher(self.address, self.options)
            case _:
                raise SettingsError(f"Source {self.name!r} is not fetched in pages.")

    def reader(self) -> Reader:
        """The reader of a source that is read directly.

        Raises:
            SettingsError: The address is of no known kind, or an option is unknown or wrong.
        """
        return reader_for(self.address, self.options)


def reader_for(address: str, options: Mapping[str, Any] | None = None) -> Reader:
    """The reader for an address without placeholders.

    Raises:
        SettingsError: The address is of no known kind, or an option is unknown or wrong.
    """
    options = options or {}
    kind = _kind(address)
    if kind in {"sqlite", "postgres", "mysql", "sqlserver", "oracle"} and options:
        raise SettingsError(
            f"A source of kind {kind} has no option {sorted(options)[0]!r}.", "Take it out."
        )
    match kind:
        case "sqlite":
            from inventory_platform.sources.sqlite import SqliteReader

            return SqliteReader(address.removeprefix("sqlite:///"))
        case "postgres":
            from inventory_platform.sources.databases import PostgresReader

            return PostgresReader(address)
        case "mysql":
            from inventory_platform.sources.databases import MysqlReader

            return MysqlReader(address)
        case "sqlserver":
            from inventory_platform.sources.arrow_databases import SqlServerReader

            return SqlServerReader(address)
        case "oracle":
            from inventory_platform.sources.arrow_databases import OracleReader

            return OracleReader(address)
        case "mqtt":
            from inventory_platform.sources.streams.mqtt import MqttReader

            return MqttReader(address, options)
        case "kafka":
            from inventory_platform.sources.streams.kafka import KafkaReader

            return KafkaReader(address, options)
        case "file":
            from inventory_platform.sources.files import FileReader

            return FileReader(address, options)
        case _:
            raise SettingsError(
                f"Address {redact(address)!r} is asked for pages and cannot be read directly.",
                "Write an entry in sources.toml for it.",
            )


def _kind(address: str) -> str:
    scheme = address.split("://", 1)[0] if "://" in address else ""
    if scheme not in _KINDS:
        raise SettingsError(
            f"Address {redact(address)!r} is of no known kind.",
            "Use sqlite:///path, postgresql://user@host/db, the path of a file or folder, or "
            f"another of these schemes: {', '.join(sorted(filter(None, _KINDS)))}.",
        )
    return _KINDS[scheme]


# -- placeholders and secrets --------------------------------------------------------------


def resolve(source: Source, settings: Settings) -> tuple[Source, frozenset[str]]:
    """Fill in the placeholders of an entry; returns also every text that must not be shown.

    Raises:
        SettingsError: A secret is nowhere to be found, or the connection would be unencrypted;
            names the secret and the source.
    """
    what = f"Source {source.name!r}"
    secrets: set[str] = set()
    address = resolve_address(source.address, settings, what)
    options = _resolved(source.options, settings, what, secrets)
    check_encrypted(settings, address, what, options)
    resolved = replace(source, address=address, options=options)
    return resolved, frozenset(secrets | secrets_of(address))


def _resolved(value: Any, settings: Settings, what: str, secrets: set[str]) -> Any:
    if isinstance(value, str):
        filled = resolve_address(value, settings, what)
        if "${" in value:
            secrets.add(filled)
        return filled
    if isinstance(value, Mapping):
        return {k: _resolved(v, settings, what, secrets) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolved(v, settings, what, secrets) for v in value]
    return value


def resolve_address(address: str, settings: Settings, what: str) -> str:
    """Fill in `{data_dir}`, `{project_dir}`, `{sandbox_…}` and `${SECRETS}`.

    Raises:
        SettingsError: A secret is nowhere, or the sandbox has no such server.
    """

    def variable(match: re.Match[str]) -> str:
        return require_secret(settings, match[1], what, "correct the entry.")

    filled = re.sub(r"\$\{(\w+)\}", variable, address)
    filled = re.sub(r"\{sandbox_(\w+)\}", lambda m: sandbox_address(settings, m[1]), filled)
    return filled.replace("{data_dir}", str(settings.data_dir)).replace(
        "{project_dir}", str(PROJECT_DIR)
    )


def redact(address: str) -> str:
    """Hide the password of an address.

    >>> redact("postgresql://shop:hidden@db/stock?password=hidden")
    'postgresql://shop:***@db/stock?password=***'
    """
    hidden = re.sub(r"(?i)(password|token|key)=[^&\s]+", r"\1=***", address)
    if "@" not in hidden or "://" not in hidden:
        return hidden
    return re.sub(r"(://[^:/@]*:)[^@]*@", r"\1***@", hidden)


def secrets_of(address: str) -> set[str]:
    """The secret parts of an address, for removing them from messages of other software."""
    if "://" not in address:
        return set()
    found = re.findall(r"(?i)(?:password|token|key)=([^&\s]+)", address)
    found += re.findall(r"://[^:/@]*:([^@]*)@", address)
    return {part for text in found for part in (text, unquote(text)) if part}


# -- the file ------------------------------------------------------------------------------


def read_catalog(settings: Settings) -> dict[str, Source]:
    """Read every entry of `sources.toml`, by name.

    Raises:
        SettingsError: The file is missing or says something unusable; names the entry.
    """
    path = settings.sources_file
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path} does not exist.", "Create it, or set INVENTORY_SOURCES_FILE."
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.",
            "Make it a file that this user may read, or set INVENTORY_SOURCES_FILE to another.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", "Correct the file.") from None
    return {name: _read_entry(name, entry, str(path)) for name, entry in entries.items()}


def _read_entry(name: str, entry: Any, path: str) -> Source:
    if not _NAME.match(name) or "__" in name:
        raise SettingsError(
            f"{path}: source name {name!r} is not usable.",
            "Use lower case letters, digits and single underscores.",
        )
    if not isinstance(entry, dict) or not isinstance(entry.get("address"), str):
        raise SettingsError(f"{path}: [{name}] has no address.", 'Add `address = "…"`.')
    description = entry.get("description", "")
    if not isinstance(description, str):
        raise SettingsError(
            f"{path}: [{name}]: description is {description!r}.", "Write a sentence in quotes."
        )
    options = {key: value for key, value in entry.items() if key not in _OWN_KEYS}
    hours = entry.get("fresh_within_hours")
    if hours is not None and not (type(hours) in {int, float} and _SHORTEST_HOURS <= hours < inf):
        raise SettingsError(
            f"{path}: [{name}]: fresh_within_hours is {hours!r}.",
            "Write a number of hours, such as 36 or 0.5; a tenth is the least.",
        )
    source = Source(name, entry["address"], description, options, hours)
    try:
        _check_options(source)
    except SettingsError as error:
        raise SettingsError(f"{path}: [{name}]: {error.what}", error.remedy) from None
    return source


def _check_options(source: Source) -> None:
    """Let the kind of source look at its options; nothing is opened or asked."""
    if source.is_fetched:
        source.fetcher()
    else:
        source.reader()
