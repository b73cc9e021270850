"""Published folders to frames: the only place that opens a file.

SQL names relations as `inventory query` does: `marts.kpi_sales_daily`, `live.fct_live_stock`,
`ops.runs`. A `Snapshot` is which version of each folder one drawing of a page reads; it is resolved
once, so that numbers of one page never come from two publications. The engine is in memory and
opens files for one query only; results are kept per version. Nothing here knows about pages.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st
from upath import UPath

FOLDERS = {"marts": "", "live": "live", "ops": "operations"}
"""Schema → folder below the published one."""

_RELATION = re.compile(rf"\b({'|'.join(FOLDERS)})\.(\w+)")
_PARAMETER = re.compile(r"\$(\w+)")
_ENGINE: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# The platform's rule for its own exports (a test holds both equal): a formula begins with one of
# these, also in the wide form, at the start of a text or where a program may split its cell. Blanks
# and quotes before it are skipped by spreadsheets.
_TRIGGERS = "=+@\uff1d\uff0b\uff0d\uff20-"
_CELL_BEGINS = rf'((?:^|[;\t\r\n])[\s"]*)([{_TRIGGERS}])'
_BLANK_BEGINS = r"^([\t\r\n])"


class DashboardError(Exception):
    """Something that a reader is told in place of numbers. Its text is the message."""


class SettingError(DashboardError):
    """The dashboard was started with a wrong setting."""


class NotPublishedError(DashboardError):
    """A relation, or everything, is not published yet."""


class UnreadableError(DashboardError):
    """A published file cannot be read, or has other columns than this page knows."""


@dataclass(frozen=True)
class Version:
    """One published version of a folder."""

    schema: str
    name: str
    folder: Path | UPath
    published_at: datetime


@dataclass(frozen=True)
class Snapshot:
    """The versions that one drawing of a page reads. A folder without a publication is absent."""

    versions: tuple[Version, ...]

    def version(self, schema: str) -> Version | None:
        """The version of a schema, or None before its first publication."""
        return next((v for v in self.versions if v.schema == schema), None)

    def has(self, schema: str, name: str) -> bool:
        """Whether a relation is published."""
        version = self.version(schema)
        return version is not None and (version.folder / f"{name}.parquet").is_file()

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Run a SELECT over published relations; parameters are named `$name` in it.

        Raises:
            NotPublishedError: A relation is not published.
            UnreadableError: A file cannot be read, or lacks a column.
        """
        files = tuple(
            (schema, name, self._file(schema, name))
            for schema, name in sorted(set(_RELATION.findall(sql)))
        )
        named = set(_PARAMETER.findall(sql))
        used = {k: v for k, v in (parameters or {}).items() if k in named}
        return _read(files, sql, tuple(sorted(used.items())))

    def _file(self, schema: str, name: str) -> str:
        version = self.version(schema)
        path = version.folder / f"{name}.parquet" if version else None
        if path is None or not path.is_file():
            raise NotPublishedError(f"`{name}` is not published yet: run `make run`.")
        return str(path)


def published_folder() -> Path | UPath:
    """The folder that holds everything published, here or in object storage.

    Raises:
        SettingError: `INVENTORY_PUBLISHED` is not set.
    """
    folder = os.environ.get("INVENTORY_PUBLISHED", "")
    if not folder:
        raise SettingError("Set `INVENTORY_PUBLISHED` to the folder of published marts.")
    return UPath(folder, use_listings_cache=False) if "://" in folder else Path(folder)


def currency() -> str:
    """The sign, or the code, of the base currency all money is in.

    Raises:
        SettingError: `DASHBOARD_CURRENCY` is not a code of three capital letters.
    """
    code = os.environ.get("DASHBOARD_CURRENCY", "EUR")
    if not re.fullmatch("[A-Z]{3}", code):
        raise SettingError("`DASHBOARD_CURRENCY` must be a code of three capital letters.")
    return {"EUR": "€", "GBP": "£", "USD": "$"}.get(code, code)


def current_snapshot() -> Snapshot:
    """Resolve the current version of every published folder.

    Raises:
        SettingError: `INVENTORY_PUBLISHED` is not set.
        UnreadableError: A version says nothing readable about itself.
    """
    root = published_folder()
    found = (_current(schema, root / below) for schema, below in FOLDERS.items())
    return Snapshot(tuple(version for version in found if version))


def _current(schema: str, folder: Path | UPath) -> Version | None:
    version = _current_folder(folder)
    if version is None:
        return None
    try:
        manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
        published_at = datetime.fromisoformat(manifest["published_at"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(
            f"The manifest of the published version {version.name} cannot be read: {error}. "
            "Publish again with `make run`."
        ) from error
    return Version(schema, version.name, version, published_at)


def _current_folder(folder: Path | UPath) -> Path | UPath | None:
    """Where the current version is: a link says so, in object storage a small file."""
    if isinstance(folder, Path):
        link = folder / "current"
        return link.resolve() if link.exists() else None
    try:
        pointer = json.loads((folder / "current.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnreadableError(f"The published folder {folder} cannot be read: {error}") from error
    return folder / "versions" / str(pointer["version"])


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One engine in memory, because starting one costs more than most queries."""
    engine = duckdb.connect(config=_ENGINE)
    folder = published_folder()
    if isinstance(folder, UPath):
        engine.register_filesystem(folder.fs)
    return engine


def _parquet(path: str) -> str:
    """A file as SQL reads it; a folder called `a=b` above it is no column."""
    quoted = path.replace("'", "''")
    return f"read_parquet('{quoted}', hive_partitioning = false)"


@st.cache_data(max_entries=500, show_spinner=False)
def _read(
    files: tuple[tuple[str, str, str], ...], sql: str, parameters: tuple[tuple[str, Any], ...]
) -> pd.DataFrame:
    """Run a query over files. Their paths hold the version, so a result is never out of date."""
    paths = {(schema, name): path for schema, name, path in files}
    sql = _RELATION.sub(lambda found: _parquet(paths[found[1], found[2]]), sql)
    try:
        with _engine().cursor() as con:
            return con.execute(sql, dict(parameters)).df()
    except duckdb.Error as error:
        names = ", ".join(f"`{name}`" for _, name, _ in files)
        reason = str(error).splitlines()[0]
        raise UnreadableError(f"{names} cannot be read as this page expects: {reason}") from error


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A frame as CSV that a spreadsheet opens without running anything in it.

    What a spreadsheet would take for a formula, also further on in a text, gets an apostrophe in
    front; numbers stay numbers. The byte order mark tells Excel that this is UTF-8.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(str(name)) for name in frame.columns])
    for row in frame.itertuples(index=False, name=None):
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        marked = re.sub(_CELL_BEGINS, r"\1'\2", value, flags=re.ASCII)
        return re.sub(_BLANK_BEGINS, r"'\1", marked)
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        is_day = value == value.normalize()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    return value
