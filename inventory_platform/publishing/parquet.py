"""Published marts as Parquet files, all switched at once.

    published/versions/<version>/<mart>.parquet and manifest.json
    published/current -> versions/<version>                 switched by one rename
    published/live/…                                        the same for marts behind a stream
    published/operations/…                                  and for the history of operations

In object storage there is neither a rename nor a link. There files are written where they stay,
and `current.json`, which names the version, is switched by one PUT.

A reader that resolves `current` once keeps a consistent set of files even while the next
version appears; the last few versions stay for readers that are slow.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import PublishError
from inventory_platform.landing.lake import Lake
from inventory_platform.object_storage import StorageError, StoragePath, plain_errors, send_text
from inventory_platform.record_format import RecordFormat

if TYPE_CHECKING:
    from upath import UPath

POINTER = "current.json"
"""File of a published folder in object storage that names the version readers should use."""


@dataclass(frozen=True)
class Publication:
    """What one published version holds and where its numbers come from.

    Attributes:
        version: Name of the version; sorts by time.
        published_at: Instant of publishing, naive UTC, ISO 8601.
        run_id: The run that built it.
        code_version: The platform's version.
        rows: Mart → number of rows.
        loads: Raw relation → newest load contained.
        inputs: Fingerprint of everything the marts were made from.
    """

    version: str
    published_at: str
    run_id: str
    code_version: str
    rows: Mapping[str, int]
    loads: Mapping[str, str]
    inputs: str


_MANIFEST = RecordFormat(Publication, "manifest of published marts")


def publish(
    root: StoragePath,
    con: duckdb.DuckDBPyConnection,
    *,
    keep: int,
    marts: Sequence[str],
    run_id: str,
    code_version: str,
    loads: Mapping[str, str],
    inputs: str,
    schema: str = "marts",
) -> Publication:
    """Write marts of the warehouse as Parquet and make them the current version below a folder.

    `keep` versions stay; `schema` is where the marts are found over the connection; the other
    arguments are told in `Publication`.

    Raises:
        PublishError: A file cannot be written, or does not hold the mart's rows.
    """
    now = datetime.now(UTC)
    staged: StoragePath | None = None
    try:
        # The new one sorts last, even if the clock jumped back.
        version = Lake.id_after([v for v in _versions(root) if v[:1].isdigit()], now)
        target = root / "versions" / version
        staged = target
        if isinstance(target, Path):
            staged = target.parent / f".{version}"
            staged.mkdir(parents=True)
        rows = {
            mart: _write(con, schema, mart, staged / f"{mart}.parquet") for mart in sorted(marts)
        }
        publication = Publication(
            version=version,
            published_at=now.replace(tzinfo=None).isoformat(sep=" "),
            run_id=run_id,
            code_version=code_version,
            rows=rows,
            loads=dict(loads),
            inputs=inputs,
        )
        with plain_errors(staged):
            (staged / "manifest.json").write_text(_MANIFEST.write(publication))
            if isinstance(staged, Path) and isinstance(target, Path):
                staged.replace(target)
            _switch(root, version)
    except (OSError, StorageError, duckdb.IOException, duckdb.HTTPException) as error:
        if isinstance(staged, Path):
            shutil.rmtree(staged, ignore_errors=True)
        raise PublishError(
            f"Marts cannot be published to {root}: {error}",
            "Free disk space or make the folder writable. The version before stays current.",
        ) from error
    _remove_old(root, keep)
    return publication


def _write(con: duckdb.DuckDBPyConnection, schema: str, mart: str, path: StoragePath) -> int:
    relation = f"{identifier(schema)}.{identifier(mart)}"
    con.execute(f"copy {relation} to {literal(str(path))} (format parquet, compression zstd)")
    expected, written = con.execute(
        f"select (select count(*) from {relation}), (select count(*) from {parquet(path)})"
    ).fetchall()[0]
    if expected != written:
        raise PublishError(
            f"{path.name} holds {written} rows where the mart has {expected}.",
            "Publish again; the version before stays current.",
        )
    if isinstance(path, Path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return int(written)


def _switch(root: StoragePath, version: str) -> None:
    if not isinstance(root, Path):
        commit_pointer(root, version)
        return
    link = root / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("versions") / version, target_is_directory=True)
    link.replace(root / "current")


def commit_pointer(root: UPath, version: str) -> None:
    """Make a version the one that readers of a folder in object storage use.

    Raises:
        StorageError: Object storage did not take it.
    """
    send_text(json.dumps({"version": version}), root / POINTER)


def _versions(root: StoragePath) -> list[str]:
    """Names of the versions that are kept, oldest first."""
    versions = root / "versions"
    with plain_errors(root):
        found = versions.iterdir() if versions.exists() else ()
        return sorted(p.name for p in found if not p.name.startswith("."))


def _remove_old(root: StoragePath, keep: int) -> None:
    if not isinstance(root, Path):
        _remove_old_objects(root, keep)
        return
    # Another process may have made another one current meanwhile.
    current = (root / "current").resolve().name
    for version in _versions(root)[:-keep]:
        if version != current:
            shutil.rmtree(root / "versions" / version)


def _remove_old_objects(root: UPath, keep: int) -> None:
    with plain_errors(root):
        files = root.fs.find((root / "versions").path)
        by_version: dict[str, list[str]] = {}
        for file in files:
            by_version.setdefault(file.split("/versions/")[-1].split("/")[0], []).append(file)
        # What has no manifest was cut off: nobody reads it.
        whole = [v for v in sorted(by_version) if _has_manifest(by_version[v])]
        current = json.loads((root / POINTER).read_text())["version"]
        for version in by_version.keys() - {current, *whole[-keep:]}:
            root.fs.rm(by_version[version])


def _has_manifest(files: Sequence[str]) -> bool:
    return any(file.endswith("/manifest.json") for file in files)


def current_publication(root: StoragePath) -> tuple[StoragePath, Publication] | None:
    """The folder and content of the version readers should use, or None before the first.

    Raises:
        StorageError: Object storage does not answer, or refuses.
    """
    if not isinstance(root, Path):
        return _current_in_storage(root)
    link = root / "current"
    if not link.exists():
        return None
    folder = link.resolve()
    return folder, _MANIFEST.read((folder / "manifest.json").read_text())


def _current_in_storage(root: UPath) -> tuple[StoragePath, Publication] | None:
    with plain_errors(root):
        try:
            version = json.loads((root / POINTER).read_text())["version"]
        except FileNotFoundError:
            return None
        folder = root / "versions" / version
        return folder, _publication_in(folder)


# A published version never changes, and every page and metric asks.
@lru_cache(maxsize=32)
def _publication_in(folder: StoragePath) -> Publication:
    return _MANIFEST.read((folder / "manifest.json").read_text())


def current_link(root: StoragePath) -> StoragePath:
    """Where people look for the current version: the link in a folder, in object storage `root`."""
    return root / "current" if isinstance(root, Path) else root


def publication_of(root: StoragePath, version: str) -> tuple[StoragePath, Publication]:
    """The folder and content of one version that is still kept.

    Raises:
        PublishError: It is not; names those that are.
    """
    kept = _versions(root)
    if version not in kept:
        raise PublishError(
            f"There is no published version {version!r}.",
            f"Kept are: {', '.join(kept) or 'none'}. INVENTORY_PUBLISHED_VERSIONS keeps more.",
        )
    folder = root / "versions" / version
    return (folder.resolve() if isinstance(folder, Path) else folder), _publication_in(folder)
