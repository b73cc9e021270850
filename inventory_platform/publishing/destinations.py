"""Which destinations exist: the entries of `destinations.toml`.

An entry names an address and what its kind of destination needs to know besides. `${NAME}` in
an address is a secret by name (`secret_values.py`); a password never stands in the file, but the
name of the secret that holds it (`password_env`). Without the file there are no destinations.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from inventory_platform.errors import SettingsError
from inventory_platform.publishing.base import Destination, Mart
from inventory_platform.publishing.postgres import PostgresDestination
from inventory_platform.publishing.postgres_roles import DEFAULT_ROW_RULES, PERSONAL_SCHEMA
from inventory_platform.publishing.postgres_tables import META
from inventory_platform.secret_values import require_secret
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import redact, resolve_address
from inventory_platform.sources.clear_text import check_encrypted, is_this_machine

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_KEYS = {"address", "description", "password_env", "schema", "mode"}
_LISTS = {"marts", "row_rules", "personal"}
_MODES = ("changed", "full")
_OPTIONS = {
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation"),
    *("channel_binding", "gssencmode", "require_auth", "ssl_min_protocol_version"),
    *("host", "port", "connect_timeout", "application_name", "options", "target_session_attrs"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    "tcp_user_timeout",
}
"""Options of libpq an address may carry behind its `?`."""
_TAKEN = {META, PERSONAL_SCHEMA}


@dataclass(frozen=True)
class Entry:
    """One entry of `destinations.toml`; nothing in it is secret.

    Attributes:
        name: Its name, and that of its asset.
        address: Where it is, with `${NAME}` for environment variables.
        description: One sentence on who reads it.
        password_env: Environment variable with the password; empty if none is needed.
        schema: Schema that marts are written to.
        marts: The marts it is given; None for all.
        mode: `changed` writes what changed, `full` everything every time.
        row_rules: Columns of marts by whose values some readers see only their rows.
        personal: Source tables that are published in clear, in a schema of their own.
    """

    name: str
    address: str
    description: str = ""
    password_env: str = ""
    schema: str = "marts"
    marts: tuple[str, ...] | None = None
    mode: str = "changed"
    row_rules: tuple[str, ...] = DEFAULT_ROW_RULES
    personal: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What kind of system it is, as shown on the asset graph."""
        return "postgres"

    def open(self, settings: Settings) -> Destination:
        """The destination, with its secrets.

        Raises:
            SettingsError: An environment variable is not set, or the address cannot be used.
        """
        return postgres(self, settings)


def postgres(entry: Entry, settings: Settings) -> PostgresDestination:
    """The Postgres database of an entry, with its secrets.

    Raises:
        SettingsError: An environment variable is not set, or the address cannot be used.
    """
    what = f"Destination {entry.name!r}"
    address = resolve_address(entry.address, settings, what)
    check_encrypted(settings, address, what)
    connection = _connection(address, what)
    password = ""
    if name := entry.password_env:
        password = require_secret(settings, name, what, "correct password_env.")
    return PostgresDestination(
        settings,
        entry.name,
        schema=entry.schema,
        connection=connection,
        password=password,
        marts=entry.marts,
        everything=entry.mode == "full",
    )


def read_destinations(
    settings: Settings, marts: Collection[str], personal: Collection[str] = ()
) -> dict[str, Entry]:
    """Read every entry of `destinations.toml`, by name; none if there is no file.

    Args:
        settings: Where the file is.
        marts: The marts there are.
        personal: The source tables with personal columns there are.

    Raises:
        SettingsError: The file says something unusable; names the entry and the key.
    """
    path = settings.destinations_file
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", "Correct the file.") from None
    if unknown := sorted(document.keys() - {"destinations"}):
        raise SettingsError(
            f"{path}: unknown key {unknown[0]!r}.", "Write entries as [destinations.<name>]."
        )
    entries = document.get("destinations", {})
    if not isinstance(entries, dict):
        raise SettingsError(f"{path}: destinations is no table.", "Write [destinations.<name>].")
    return {
        name: _entry(name, entry, marts, personal, f"{path}: [{name}]")
        for name, entry in entries.items()
    }


def _entry(
    name: str, entry: Any, marts: Collection[str], personal: Collection[str], where: str
) -> Entry:
    if not _NAME.match(name):
        raise SettingsError(
            f"{where}: the name is not usable.", "Use lower case letters, digits, underscores."
        )
    if not isinstance(entry, Mapping) or not isinstance(entry.get("address"), str):
        raise SettingsError(f"{where} has no address.", 'Add `address = "postgresql://…"`.')
    if unknown := sorted(entry.keys() - _KEYS - _LISTS):
        raise SettingsError(
            f"{where}: unknown key {unknown[0]!r}.",
            f"Known keys: {', '.join(sorted(_KEYS | _LISTS))}.",
        )
    for key in _KEYS:
        if not isinstance(entry.get(key, ""), str):
            raise SettingsError(f"{where}: {key} is no text.", "Write it in quotes.")
    named = entry.get("marts")
    if named is not None and not (isinstance(named, list) and named):
        raise SettingsError(
            f"{where}: marts is no list.", 'Write `marts = ["…"]`, or leave it out.'
        )
    if missing := [str(mart) for mart in named or () if mart not in marts]:
        raise SettingsError(
            f"{where}: there is no mart {missing[0]!r}.", "The marts are listed in docs/models.md."
        )
    if entry.get("mode", _MODES[0]) not in _MODES:
        raise SettingsError(f"{where}: mode {entry['mode']!r}.", f"Use {' or '.join(_MODES)}.")
    schema = entry.get("schema", "marts")
    if not _NAME.match(schema) or schema.startswith("pg_") or schema in _TAKEN:
        raise SettingsError(
            f"{where}: schema {schema!r} is not usable.",
            "Use lower case letters, digits, underscores; a schema for the marts alone.",
        )
    _connection(re.sub(r"\$\{\w+\}", "x", entry["address"]), where)
    for key in ("row_rules", "personal"):
        _check_names(entry.get(key, []), f"{where}: {key}")
    if closed := [name for name in entry.get("personal", ()) if name not in personal]:
        raise SettingsError(
            f"{where}: personal: no table {closed[0]!r} has personal columns.",
            f"Tables that have: {', '.join(sorted(personal)) or 'none'}.",
        )
    lists = {key: tuple(entry[key]) for key in _LISTS if key in entry}
    return Entry(name, **{**entry, **lists})


def _check_names(names: Any, where: str) -> None:
    if not isinstance(names, list) or not all(isinstance(n, str) and _NAME.match(n) for n in names):
        raise SettingsError(f"{where} is no list of names.", 'Write `["…"]`, in lower case.')


def check_row_rules(entry: Entry, marts: Mapping[str, Mart]) -> None:
    """See that the rules on rows are about columns that marts have.

    Raises:
        SettingsError: No mart has the column of a rule.
    """
    known = {column for mart in marts.values() for column in mart.columns}
    if unknown := [column for column in entry.row_rules if column not in known]:
        raise SettingsError(
            f"Destination {entry.name!r}: row_rules: no mart has a column {unknown[0]!r}.",
            "The columns of the marts are listed in docs/models.md.",
        )


def _connection(address: str, where: str) -> dict[str, str]:
    """An address as words of libpq's connection string."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SettingsError(
            f"{where}: address {redact(address)!r} is of no known kind.",
            "Use postgresql://user@host:5432/database.",
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.password or "password" in options:
        raise SettingsError(
            f"{where}: the address holds a password.",
            "Take it out; name the environment variable that holds it as password_env.",
        )
    if unknown := sorted(options.keys() - _OPTIONS):
        raise SettingsError(
            f"{where}: unknown option {unknown[0]!r} in the address.",
            f"Known options: {', '.join(sorted(_OPTIONS))}.",
        )
    words = {
        "host": parts.hostname or "",
        "port": str(port or ""),
        "user": unquote(parts.username or ""),
        "dbname": unquote(parts.path.lstrip("/")),
        "connect_timeout": "10",
        "application_name": "inventory platform",
        **options,
    }
    if not is_this_machine(words["host"]):
        # libpq's own default goes on in clear where a server has no TLS.
        words.setdefault("sslmode", "require")
    return {key: value for key, value in words.items() if value}
