"""Which destinations exist: the entries of `destinations.toml`.

An entry names an address, whose scheme tells the kind of system, and what that kind needs to
know besides. `${NAME}` in an address is a secret by name (`secret_values.py`); a password never
stands in the file, but the name of the secret that holds it (`password_env`). Without the file
there are no destinations. What an entry means to its kind of system is a module of its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import SettingsError
from inventory_platform.publishing import cloud_entry, postgres_entry, remote_parquet, search_entry
from inventory_platform.publishing.base import Destination
from inventory_platform.secret_values import require_secret
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import redact, resolve_address
from inventory_platform.sources.clear_text import check_encrypted

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_TEXTS = {"address", "description", "password_env", "mode"}
_KEYS = _TEXTS | {"marts", "tables"}
_FIELDS = {"schema", "personal"}
"""Keys of some kinds that are attributes of an entry."""
_MODES = ("changed", "full")


@dataclass(frozen=True)
class Entry:
    """One entry of `destinations.toml`; nothing in it is secret.

    Attributes:
        name: Its name, and that of its asset.
        address: Where it is, with `${NAME}` for environment variables.
        description: One sentence on who reads it.
        password_env: Environment variable with the password; empty if none is needed.
        schema: Schema that marts are written to, where the system has schemas.
        marts: The marts it is given; None for all.
        mode: `changed` writes what changed, `full` everything every time.
        tables: Source tables it is given instead of marts, as `source__table`.
        personal: Source tables it is given in clear beside the marts, as `source__table`.
        options: What the entry says besides; each kind of system has its own words.
    """

    name: str
    address: str
    description: str = ""
    password_env: str = ""
    schema: str = "marts"
    marts: tuple[str, ...] | None = None
    mode: str = "changed"
    tables: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The entry, as errors name it."""
        return f"Destination {self.name!r}"

    @property
    def kind(self) -> str:
        """What kind of system it is, as shown on the asset graph."""
        return _kind(self.address, self.what)

    @property
    def guarantee(self) -> str:
        """How readers there see a publication, in one sentence."""
        return KINDS[self.kind].guarantee

    def resolved_address(self, settings: Settings) -> str:
        """The address with what its placeholders stand for.

        Raises:
            SettingsError: A secret is missing, or the connection would not be encrypted.
        """
        address = resolve_address(self.address, settings, self.what)
        check_encrypted(settings, address, self.what)
        return address

    def password(self, settings: Settings) -> str:
        """The password, or nothing if none is needed.

        Raises:
            SettingsError: The secret is missing.
        """
        if not self.password_env:
            return ""
        remedy = "correct password_env in destinations.toml."
        return require_secret(settings, self.password_env, self.what, remedy)

    def open(self, settings: Settings) -> Destination:
        """The destination, with its secrets.

        Raises:
            SettingsError: An environment variable is not set, or the address cannot be used.
        """
        return KINDS[self.kind].open(self, settings)


@dataclass(frozen=True)
class Kind:
    """A kind of system marts can go to.

    Attributes:
        schemes: Schemes of its addresses; the empty one is a path.
        guarantee: How readers there see a publication, in one sentence.
        check: Refuses an entry that cannot be meant, given how errors name it.
        open: Makes a destination of an entry.
        keys: What an entry may say besides what all may.
    """

    schemes: frozenset[str]
    guarantee: str
    check: Callable[[Entry, str], None]
    open: Callable[[Entry, Settings], Destination]
    keys: frozenset[str] = frozenset()


_SEARCH = (
    "An index for each, all aliases switched in one request after counts and sums agreed.",
    search_entry.check_entry,
    search_entry.open_search,
    search_entry.KEYS,
)
_CLOUD = (
    "Views of one schema, each switched at once after counts and sums agreed.",
    cloud_entry.check_entry,
    cloud_entry.open_cloud,
    cloud_entry.KEYS,
)
KINDS = {
    "postgres": Kind(
        frozenset({"postgresql", "postgres"}),
        "Tables of one schema, all switched in one transaction after counts and sums agreed.",
        postgres_entry.check_entry,
        postgres_entry.open_postgres,
        postgres_entry.KEYS,
    ),
    "parquet": Kind(
        frozenset({"", "file", "s3", "az", "abfs", "abfss", "gs"}),
        "Parquet files, switched by one object after every file was read back and agreed.",
        remote_parquet.check_entry,
        remote_parquet.open_remote_parquet,
        remote_parquet.KEYS,
    ),
    "elasticsearch": Kind(frozenset({"elasticsearch+https", "elasticsearch+http"}), *_SEARCH),
    "opensearch": Kind(frozenset({"opensearch+https", "opensearch+http"}), *_SEARCH),
    **{
        name: Kind(frozenset({name}), *_CLOUD)
        for name in ("bigquery", "databricks", "fabric", "snowflake", "synapse")
    },
}
"""Every kind of destination, by the name shown on the asset graph."""


def read_destinations(
    settings: Settings, marts: Collection[str], tables: Mapping[str, TableContract]
) -> dict[str, Entry]:
    """Read every entry of `destinations.toml`, by name; none if there is no file.

    Args:
        settings: Where the file is.
        marts: The marts there are.
        tables: The source tables there are, by relation.

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
        name: _entry(name, entry, marts, tables, f"{path}: [{name}]")
        for name, entry in entries.items()
    }


def _entry(
    name: str,
    entry: Any,
    marts: Collection[str],
    tables: Mapping[str, TableContract],
    where: str,
) -> Entry:
    if not _NAME.match(name):
        raise SettingsError(
            f"{where}: the name is not usable.", "Use lower case letters, digits, underscores."
        )
    if not isinstance(entry, Mapping) or not isinstance(entry.get("address"), str):
        raise SettingsError(f"{where} has no address.", 'Add `address = "postgresql://…"`.')
    kind = KINDS[_kind(entry["address"], where)]
    known = _KEYS | kind.keys
    if unknown := sorted(entry.keys() - known):
        raise SettingsError(
            f"{where}: unknown key {unknown[0]!r}.", f"Known keys: {', '.join(sorted(known))}."
        )
    for key in sorted(_TEXTS | {"schema"}):
        if not isinstance(entry.get(key, ""), str):
            raise SettingsError(f"{where}: {key} is no text.", "Write it in quotes.")
    if entry.get("mode", _MODES[0]) not in _MODES:
        raise SettingsError(f"{where}: mode {entry['mode']!r}.", f"Use {' or '.join(_MODES)}.")
    schema = entry.get("schema", "marts")
    if not _NAME.match(schema):
        raise SettingsError(
            f"{where}: schema {schema!r} is not usable.",
            "Use lower case letters, digits, underscores.",
        )
    named_marts = _names(entry, "marts", where)
    named_tables, personal = (_relations(entry, key, where) for key in ("tables", "personal"))
    if named_marts and named_tables:
        raise SettingsError(
            f"{where} names marts and tables.",
            "Write an entry for each: they change by themselves.",
        )
    read = Entry(
        name,
        **{key: entry[key] for key in (_TEXTS | {"schema"}) & entry.keys()},
        marts=named_marts,
        tables=named_tables,
        personal=personal,
        options={key: entry[key] for key in (kind.keys - _FIELDS) & entry.keys()},
    )
    kind.check(read, where)
    if missing := [mart for mart in read.marts or () if mart not in marts]:
        raise SettingsError(
            f"{where}: there is no mart {missing[0]!r}.", "The marts are listed in docs/models.md."
        )
    if missing := [table for table in read.tables if table not in tables]:
        raise SettingsError(
            f"{where}: there is no source table {missing[0]!r}.",
            'Write "<source>.<table>", as the contract of the source names it.',
        )
    closed = [relation for relation, contract in tables.items() if contract.personal_columns]
    if missing := [table for table in read.personal if table not in closed]:
        raise SettingsError(
            f"{where}: personal: no table {missing[0]!r} has personal columns.",
            f"Tables that have: {', '.join(sorted(closed)) or 'none'}.",
        )
    return read


def _relations(entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    return tuple(name.replace(".", "__", 1) for name in _names(entry, key, where) or ())


def _names(entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    names = entry.get(key)
    if names is None:
        return None
    if not (isinstance(names, list) and names and all(isinstance(n, str) for n in names)):
        raise SettingsError(
            f"{where}: {key} is no list of names.", f'Write `{key} = ["…"]`, or leave it out.'
        )
    return tuple(names)


def _kind(address: str, where: str) -> str:
    scheme = address.partition("://")[0] if "://" in address else ""
    found = [name for name, kind in KINDS.items() if scheme in kind.schemes]
    if not found:
        known = sorted(s for kind in KINDS.values() for s in kind.schemes if s)
        raise SettingsError(
            f"{where}: address {redact(address)!r} is of no known kind.",
            f"Use the path of a folder, or one of these schemes: {', '.join(known)}.",
        )
    return found[0]
