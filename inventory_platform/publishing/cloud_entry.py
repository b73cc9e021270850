"""What an entry for a cloud warehouse says: its address, its schema, where files are staged.

How marts get there is `cloud.py`, the systems are the modules named after them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from inventory_platform.errors import SettingsError
from inventory_platform.publishing.cloud import CloudDestination, Dialect
from inventory_platform.publishing.cloud_bigquery import BigQuery
from inventory_platform.publishing.cloud_databricks import Databricks
from inventory_platform.publishing.cloud_snowflake import Snowflake
from inventory_platform.publishing.cloud_synapse import Synapse
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import redact

if TYPE_CHECKING:
    from inventory_platform.publishing.destinations import Entry

KEYS = frozenset({"schema", "stage"})
_EXAMPLES = {
    "snowflake": "snowflake://user@account/database?warehouse=load",
    "bigquery": "bigquery://project?location=EU",
    "databricks": "databricks://host/catalog?http_path=/sql/1.0/warehouses/…",
    "synapse": "synapse://user@pool.sql.azuresynapse.net/database",
    "fabric": "fabric://warehouse.datawarehouse.fabric.microsoft.com/database",
}
_OPTIONS = {
    "snowflake": {"warehouse", "role"},
    "bigquery": {"location"},
    "databricks": {"http_path"},
    "synapse": set[str](),
    "fabric": set[str](),
}
_STAGES = {
    "databricks": (r"/Volumes/[^/]+/[^/]+/[^/]+(/.*)?", "/Volumes/catalog/schema/volume"),
    "synapse": (r"abfss://[^/@]+@[^/@]+(/.*)?", "abfss://container@account…/path"),
    "fabric": (r"abfss://[^/@]+@[^/@]+(/.*)?", "abfss://container@account…/path"),
}


def check_entry(entry: Entry, where: str) -> None:
    """Refuse what cannot be meant, before any variable is known.

    Raises:
        SettingsError: Names the key.
    """
    _parts(re.sub(r"\$\{\w+\}", "x", entry.address), entry.kind, where)
    stage = entry.options.get("stage")
    if entry.kind not in _STAGES:
        if stage is not None:
            raise SettingsError(f"{where}: {entry.kind} needs no stage.", "Take it out.")
        return
    pattern, example = _STAGES[entry.kind]
    if not isinstance(stage, str) or not re.fullmatch(pattern, stage):
        raise SettingsError(
            f"{where}: stage {stage!r} is not usable for {entry.kind}.",
            f'Name where files wait to be loaded: `stage = "{example}"`.',
        )


def open_cloud(entry: Entry, settings: Settings) -> CloudDestination:
    """The warehouse of an entry, with its secrets.

    Raises:
        SettingsError: An environment variable is not set, or the address cannot be used.
    """
    address = entry.resolved_address(settings)
    parts = _parts(address, entry.kind, entry.what)
    return CloudDestination(
        settings,
        entry.name,
        _dialect(entry, parts, entry.password(settings)),
        marts=entry.marts,
        everything=entry.mode == "full",
    )


def _dialect(entry: Entry, parts: SplitResult, password: str) -> Dialect:
    options = dict(parse_qsl(parts.query))
    host, user = parts.hostname or "", unquote(parts.username or "")
    database, stage = unquote(parts.path.strip("/")), entry.options.get("stage", "").rstrip("/")
    match entry.kind:
        case "snowflake":
            return Snowflake(host, user, password, database, entry.schema, options)
        case "bigquery":
            return BigQuery(host, entry.schema, options)
        case "databricks":
            path = options["http_path"]
            return Databricks(host, path, password, database, entry.schema, stage)
        case kind:
            return Synapse(kind, host, user, password, database, entry.schema, stage)


def _parts(address: str, kind: str, where: str) -> SplitResult:
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    if parts.password:
        raise SettingsError(
            f"{where}: the address holds a password.",
            "Take it out; name the environment variable that holds it as password_env.",
        )
    if unknown := sorted(options.keys() - _OPTIONS[kind]):
        raise SettingsError(
            f"{where}: unknown option {unknown[0]!r} in the address.",
            f"Known options: {', '.join(sorted(_OPTIONS[kind])) or 'none'}.",
        )
    is_whole = bool(parts.hostname) and (kind == "bigquery") != bool(parts.path.strip("/"))
    if not is_whole or (kind == "databricks" and "http_path" not in options):
        raise SettingsError(
            f"{where}: address {redact(address)!r} is not usable.", f"Use {_EXAMPLES[kind]}."
        )
    return parts
