"""Which sources exist and where each is read from: the entries of `sources.toml`.

An entry names an address and, for files, how they are written. Passwords never stand in
the file: `${NAME}` in an address is replaced by the environment variable of that name,
and what came from there is hidden wherever the address is shown.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from inventory_platform.errors import SettingsError
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.sources.base import Reader
from inventory_platform.sources.databases import MysqlReader, PostgresReader
from inventory_platform.sources.files import FileReader
from inventory_platform.sources.sqlite import SqliteReader

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_KEYS = {"address", "description", "files"}


@dataclass(frozen=True)
class Source:
    """One entry of `sources.toml`.

    Attributes:
        name: Name of the source here; prefix of its relations.
        address: Where it is read from, with `${NAME}` for secrets.
        description: One sentence on what it is.
        files: For file sources: how each file is written, by table name (`encoding`,
            `delimiter`, `quote`, `header`); the name `*` holds for every table.
    """

    name: str
    address: str
    description: str = ""
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What kind of system it is, as shown on the asset graph."""
        scheme = self.address.split(":", 1)[0] if "://" in self.address else ""
        known = {
            "sqlite": "sqlite",
            "postgresql": "postgres",
            "postgres": "postgres",
            "mysql": "mysql",
        }
        return known.get(scheme, "file")

    def reader(self, settings: Settings) -> Reader:
        """The reader for this source, with its secrets filled in.

        Raises:
            SettingsError: The address names an unset variable or an unknown kind of system.
        """
        address = resolve_address(self.address, settings, f"Source {self.name!r}")
        return reader_for(address, self.files)


def reader_for(address: str, files: Mapping[str, Mapping[str, Any]] | None = None) -> Reader:
    """The reader for an address without placeholders.

    Raises:
        SettingsError: The address is of no known kind.
    """
    scheme = address.split("://", 1)[0] if "://" in address else "file"
    match scheme:
        case "sqlite":
            return SqliteReader(address.removeprefix("sqlite:///"))
        case "postgresql" | "postgres":
            return PostgresReader(address)
        case "mysql":
            return MysqlReader(address)
        case "file":
            return FileReader(address.removeprefix("file://"), files or {})
        case _:
            raise SettingsError(
                f"Address {redact(address)!r} is of no known kind.",
                "Use sqlite:///path, postgresql://user@host/db, mysql://user@host/db, "
                "or the path of a CSV or Parquet file or folder.",
            )


def resolve_address(address: str, settings: Settings, what: str) -> str:
    """Fill in `{data_dir}`, `{project_dir}` and `${ENVIRONMENT_VARIABLES}`."""

    def variable(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise SettingsError(
                f"{what}: environment variable {match[1]} is not set.",
                "Set it, or correct the address in sources.toml.",
            )
        return value

    filled = re.sub(r"\$\{(\w+)\}", variable, address)
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


def read_catalog(settings: Settings) -> dict[str, Source]:
    """Read every entry of `sources.toml`, by name.

    Raises:
        SettingsError: The file is missing or says something unknown; names the entry.
    """
    path = settings.sources_file
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path} does not exist.", "Create it, or set INVENTORY_SOURCES_FILE."
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
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise SettingsError(
            f"{path}: [{name}] has unknown key {unknown[0]!r}.",
            f"Known keys: {', '.join(sorted(_KEYS))}.",
        )
    return Source(
        name=name,
        address=entry["address"],
        description=entry.get("description", ""),
        files=entry.get("files", {}),
    )
