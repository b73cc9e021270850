"""What an entry for a document search says: its address, its indexes, its documents.

How documents are made of marts is `search_documents.py`, how they get there `search.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from inventory_platform.errors import SettingsError
from inventory_platform.publishing.search import SearchDestination
from inventory_platform.publishing.search_documents import DocumentKind, Nesting
from inventory_platform.publishing.search_server import SearchServer
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import redact

if TYPE_CHECKING:
    from inventory_platform.publishing.destinations import Entry

KEYS = frozenset({"prefix", "keep", "documents"})
_PREFIX = re.compile(r"^[a-z][a-z0-9_]*$")
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_KEEP = 2


def check_entry(entry: Entry, where: str) -> None:
    """Refuse what cannot be meant, before any variable is known.

    Raises:
        SettingsError: Names the key.
    """
    _address(re.sub(r"\$\{\w+\}", "x", entry.address), where)
    prefix, keep = entry.options.get("prefix", "inventory"), entry.options.get("keep", _KEEP)
    if not (isinstance(prefix, str) and _PREFIX.match(prefix)):
        raise SettingsError(
            f"{where}: prefix {prefix!r} is not usable.",
            "Use lower case letters, digits, underscores.",
        )
    if type(keep) is not int or keep < 1:
        raise SettingsError(f"{where}: keep is {keep!r}.", "Write a number of indexes, 1 or more.")
    _documents(entry, where)


def open_search(entry: Entry, settings: Settings) -> SearchDestination:
    """The cluster of an entry, with its secrets.

    Raises:
        SettingsError: An environment variable is not set, or the address cannot be used.
    """
    url, user = _address(entry.resolved_address(settings), entry.what)
    return SearchDestination(
        settings,
        entry.name,
        kind=entry.kind,
        server=SearchServer(entry.name, url, user=user, password=entry.password(settings)),
        prefix=entry.options.get("prefix", "inventory"),
        keep=entry.options.get("keep", _KEEP),
        documents=_documents(entry, entry.what),
        marts=entry.marts,
        everything=entry.mode == "full",
    )


def _address(address: str, where: str) -> tuple[str, str]:
    """The server's address for HTTP, and the user."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if not parts.hostname:
        raise SettingsError(
            f"{where}: address {redact(address)!r} names no server.",
            "Use elasticsearch+https://user@host:9200 or opensearch+https://user@host:9200.",
        )
    if parts.password:
        raise SettingsError(
            f"{where}: the address holds a password.",
            "Take it out; name the environment variable that holds it as password_env.",
        )
    if parts.query or parts.fragment:
        raise SettingsError(
            f"{where}: the address has options behind it.", "Take out what follows the path."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    protocol = parts.scheme.partition("+")[2]
    return f"{protocol}://{host}{port}{parts.path.rstrip('/')}", unquote(parts.username or "")


def _documents(entry: Entry, where: str) -> tuple[DocumentKind, ...]:
    """What the entry says of documents; nothing if each mart is one kind of them."""
    declared = entry.options.get("documents")
    if declared is None:
        return ()
    given = entry.tables or entry.marts
    if given is None:
        raise SettingsError(
            f"{where} has documents and does not say what they are made of.",
            "List the marts, or the tables, that they use.",
        )
    if not isinstance(declared, Mapping) or not declared:
        raise SettingsError(
            f"{where}: documents is no table.", "Write [destinations.<name>.documents.<documents>]."
        )
    return tuple(
        _document(name, spec, given, f"{where}: documents.{name}")
        for name, spec in declared.items()
    )


def _document(name: str, spec: Any, given: Collection[str], where: str) -> DocumentKind:
    if not _NAME.match(name):
        raise SettingsError(
            f"{where}: the name is not usable.", "Use lower case letters, digits, underscores."
        )
    read = _keys(spec, {"rows"}, {"nested"}, where)
    nested = read.get("nested", {})
    if not isinstance(nested, Mapping):
        raise SettingsError(f"{where}: nested is no table.", "Write nested.<field> = { … }.")
    return DocumentKind(
        name,
        _rows(read, given, where),
        tuple(
            _nesting(field, of, given, f"{where}.nested.{field}") for field, of in nested.items()
        ),
    )


def _nesting(field: str, spec: Any, given: Collection[str], where: str) -> Nesting:
    if not _NAME.match(field):
        raise SettingsError(
            f"{where}: the name is not usable.", "Use lower case letters, digits, underscores."
        )
    read = _keys(spec, {"rows", "by"}, set(), where)
    by = read["by"]
    columns = [by] if isinstance(by, str) else by
    if not (isinstance(columns, list) and columns and all(isinstance(c, str) for c in columns)):
        raise SettingsError(f"{where}: by is no column.", 'Write `by = "product_id"`.')
    return Nesting(field, _rows(read, given, where), tuple(columns))


def _keys(spec: Any, needed: set[str], others: set[str], where: str) -> Mapping[str, Any]:
    if not isinstance(spec, Mapping):
        raise SettingsError(f"{where} is no table.", 'Write at least `rows = "…"` in it.')
    if unknown := sorted(spec.keys() - needed - others):
        known = ", ".join(sorted(needed | others))
        raise SettingsError(f"{where}: unknown key {unknown[0]!r}.", f"Known keys: {known}.")
    if missing := sorted(needed - spec.keys()):
        raise SettingsError(f"{where} has no {missing[0]}.", f"Add `{missing[0]} = …`.")
    return spec


def _rows(spec: Mapping[str, Any], given: Collection[str], where: str) -> str:
    rows = spec["rows"]
    if not isinstance(rows, str) or (name := rows.replace(".", "__", 1)) not in given:
        raise SettingsError(
            f"{where}: {rows!r} is not among the marts or tables of the entry.",
            f"They are: {', '.join(given)}.",
        )
    return name
