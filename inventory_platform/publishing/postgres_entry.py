"""What an entry for a Postgres database says: its address as libpq takes it, its schema, its rules.

How marts get there is `postgres.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from inventory_platform.errors import SettingsError
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.postgres import PostgresDestination
from inventory_platform.publishing.postgres_roles import DEFAULT_ROW_RULES, PERSONAL_SCHEMA
from inventory_platform.publishing.postgres_tables import META
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import redact
from inventory_platform.sources.clear_text import is_this_machine

if TYPE_CHECKING:
    from inventory_platform.publishing.destinations import Entry

KEYS = frozenset({"schema", "row_rules", "personal"})
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_TAKEN = {META, PERSONAL_SCHEMA}
_OPTIONS = {
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation"),
    *("channel_binding", "gssencmode", "require_auth", "ssl_min_protocol_version"),
    *("host", "port", "connect_timeout", "application_name", "options", "target_session_attrs"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    "tcp_user_timeout",
}
"""Options of libpq an address may carry behind its `?`."""


def check_entry(entry: Entry, where: str) -> None:
    """Refuse what cannot be meant, before any variable is known.

    Raises:
        SettingsError: Names the key.
    """
    if entry.schema.startswith("pg_") or entry.schema in _TAKEN:
        raise SettingsError(
            f"{where}: schema {entry.schema!r} is not usable.", "Name a schema for the marts alone."
        )
    rules = entry.options.get("row_rules", [])
    if not (isinstance(rules, list) and all(isinstance(r, str) and _NAME.match(r) for r in rules)):
        raise SettingsError(
            f"{where}: row_rules is no list of names.", 'Write `["…"]`, in lower case.'
        )
    if entry.tables and entry.personal:
        raise SettingsError(
            f"{where} names tables and personal.",
            "Write personal in an entry for marts: clear rows go with these.",
        )
    _connection(re.sub(r"\$\{\w+\}", "x", entry.address), where)


def open_postgres(entry: Entry, settings: Settings) -> PostgresDestination:
    """The database of an entry, with its secrets.

    Raises:
        SettingsError: An environment variable is not set, or the address cannot be used.
    """
    connection = _connection(entry.resolved_address(settings), entry.what)
    return PostgresDestination(
        settings,
        entry.name,
        schema=entry.schema,
        connection=connection,
        password=entry.password(settings),
        marts=entry.marts,
        everything=entry.mode == "full",
    )


def open_personal(entry: Entry, settings: Settings) -> PostgresDestination:
    """The schema for clear personal values, in the database of an entry.

    Raises:
        SettingsError: An environment variable is not set, or the address cannot be used.
    """
    return open_postgres(replace(entry, schema=PERSONAL_SCHEMA), settings)


def row_rules(entry: Entry, marts: Mapping[str, Mart]) -> tuple[str, ...]:
    """Columns of marts by whose values some readers see only their rows.

    Raises:
        SettingsError: No mart has the column of a rule.
    """
    rules = tuple(entry.options.get("row_rules", DEFAULT_ROW_RULES))
    known = {column for mart in marts.values() for column in mart.columns}
    if unknown := [column for column in rules if column not in known]:
        raise SettingsError(
            f"{entry.what}: row_rules: no mart has a column {unknown[0]!r}.",
            "The columns of the marts are listed in docs/models.md.",
        )
    return rules


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
