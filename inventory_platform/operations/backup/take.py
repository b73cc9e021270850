"""Makes a backup: looks at what there is, stores what is new, commits the manifest, prunes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from inventory_platform.code_version import code_version
from inventory_platform.errors import BackupError, InventoryError
from inventory_platform.landing.lake import Lake
from inventory_platform.object_storage import StoragePath, plain_errors
from inventory_platform.operations.backup.contents import LAKE, Contents, contents_of
from inventory_platform.operations.backup.repository import (
    Backup,
    BackupFile,
    Manifest,
    Repository,
    lake_checksums,
)
from inventory_platform.operations.integrity import (
    CHANGES,
    REWRITABLE,
    Progress,
    changes_of,
    digest,
    losses,
    unheard,
)
from inventory_platform.settings import Settings

if TYPE_CHECKING:
    from upath import UPath

_TRIES = 3
_SHOWN = 5
_DATA = tuple(f"{LAKE}{zone}/" for zone in REWRITABLE)
_AT_ONCE = 8
"""Files on their way; object stores answer slowly, but many at a time."""


@dataclass(frozen=True)
class Taken:
    """What a backup did.

    Attributes:
        backup: The backup.
        manifest: What it holds.
        stored_files: Files whose contents were not there before.
        stored_bytes: Their bytes.
        removed: Ids of older backups that were removed.
        not_pruned: Why older backups could not be removed; None if they were.
    """

    backup: Backup
    manifest: Manifest
    stored_files: int
    stored_bytes: int
    removed: list[str]
    not_pruned: str | None


class _VanishedError(Exception):
    """A file was replaced by something else between looking and reading."""


def take_backup(
    settings: Settings,
    repository: Repository,
    *,
    losses_accepted: str = "",
    now: datetime | None = None,
    on_progress: Progress = unheard,
) -> Taken:
    """Make a backup of everything that cannot be worked out again; pipelines may go on.

    Args:
        settings: What is backed up, and how many backups are kept.
        repository: Where it goes.
        losses_accepted: Why records and files of the backup before may be gone or different, if
            they may; then no older backup is removed.
        now: The instant, in UTC.
        on_progress: Told about each file.

    Raises:
        BackupError: It could not be made; earlier backups are as they were.
        StorageError: Object storage, where the lake is, does not answer.
        LandingError: Another backup is being made.
    """
    lake = Lake.of(settings)
    with lake.lock_named("backup", "The backup", settings.lock_timeout_seconds):
        backups = repository.backups()
        last = repository.manifest(backups[-1]) if backups else None
        _refuse_plain(repository, backups)
        for attempt in range(1, _TRIES + 1):
            try:
                kept = _Keeper(repository, last).keep(_look(settings), on_progress)
                _refuse_changes(lake, kept.files)
                lost = _lost(last, kept.files)
                break
            except _VanishedError as error:
                if attempt == _TRIES:
                    raise BackupError(
                        f"{error} was replaced or removed meanwhile, {_TRIES} times.",
                        "Repeat the backup when less is going on.",
                        is_transient=True,
                    ) from None
        if lost and not losses_accepted:
            raise _lossy(lost)
        at = now or datetime.now(UTC)
        manifest = Manifest(
            backup_id=lake.id_after([b.backup_id for b in backups], at),
            created_at=at.replace(tzinfo=None).isoformat(sep=" "),
            code_version=code_version(),
            files=kept.files,
            links=kept.links,
            losses_accepted=losses_accepted if lost else "",
        )
        backup = repository.commit(manifest)
        # What was lost is in the older ones alone.
        removed, not_pruned = (
            ([], None) if lost else _prune(repository, [*backups, backup], settings.backup_keep)
        )
        return Taken(backup, manifest, kept.stored_files, kept.stored_bytes, removed, not_pruned)


def _refuse_plain(repository: Repository, backups: list[Backup]) -> None:
    if backups and backups[-1].is_encrypted and not repository.seal.suffix:
        raise BackupError(
            f"Backups at {repository.folder.address} are encrypted, and there is no key.",
            "Set INVENTORY_BACKUP_KEY_FILE; nothing is written there without one.",
        )


def _look(settings: Settings) -> Contents:
    try:
        return contents_of(settings)
    except FileNotFoundError as error:
        raise _VanishedError(error.filename) from None


def _refuse_changes(lake: Lake, files: list[BackupFile]) -> None:
    """See that what says which files were written anew is as new as these files."""
    kept = {n: sha for n, sha in lake_checksums(files).items() if n.split("/")[0] in CHANGES}
    if changed := kept.items() ^ changes_of(lake).items():
        raise _VanishedError(min(name for name, _ in changed))


def _lost(last: Manifest | None, files: list[BackupFile]) -> list[str]:
    return losses(lake_checksums(last.files), lake_checksums(files)) if last else []


def _lossy(lost: list[str]) -> BackupError:
    listed = "\n  ".join(lost[:_SHOWN]) + (
        f"\n  and {len(lost) - _SHOWN} more" if lost[_SHOWN:] else ""
    )
    return BackupError(
        f"The lake has lost what the newest backup has:\n  {listed}",
        "No backup was made and none removed. See that the data folder's volume is mounted, and "
        "bring the files back from the backup. If they are meant to be gone, as after an earlier "
        'state was restored, say why: `inventory backup --accept-losses "<why>"`.',
    )


class _Keeper:
    """Stores contents, each once.

    Args:
        repository: Where.
        last: The backup before, whose files need not be read again.
    """

    def __init__(self, repository: Repository, last: Manifest | None) -> None:
        self._repository = repository
        self._last = {f.path: f for f in last.files} if last else {}
        self._there = repository.objects()
        self._lock = threading.Lock()
        self.files: list[BackupFile] = []
        self.links: dict[str, str] = {}
        self.stored_files = 0
        self.stored_bytes = 0

    def keep(self, contents: Contents, on_progress: Progress) -> _Keeper:
        """Store everything that is not there.

        Raises:
            _VanishedError: A file is no longer there; what was stored stays.
            BackupError: A file cannot be read, or the address not be written.
        """
        self.links = dict(contents.links)
        work = [partial(self._file, path, file) for path, file in contents.files.items()]
        work += [partial(self._database, path, file) for path, file in contents.databases.items()]
        work += [partial(self._text, path, text) for path, text in contents.texts.items()]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            futures = [pool.submit(each) for each in work]
            try:
                for done, future in enumerate(futures, start=1):
                    self.files.append(future.result())
                    on_progress(done, len(work))
            except (InventoryError, _VanishedError):
                pool.shutdown(cancel_futures=True)
                raise
        self.files.sort(key=lambda file: file.path)
        return self

    def _file(self, path: str, source: StoragePath) -> BackupFile:
        if not isinstance(source, Path):
            return self._object(path, source)
        try:
            with source.open("rb") as file:
                facts = os.fstat(file.fileno())
                # Files are also written anew under their names, so the name says nothing.
                if last := self._unchanged(path, facts.st_size, facts.st_mtime_ns, ""):
                    return last
                with self._repository.working() as folder:
                    with (folder / "copy").open("wb") as target:
                        shutil.copyfileobj(file, target)
                    return self._store(path, folder / "copy", facts.st_mtime_ns)
        except FileNotFoundError:
            raise _VanishedError(path) from None
        except OSError as error:
            raise _unreadable(source, error.strerror or str(error)) from error

    def _object(self, path: str, source: UPath) -> BackupFile:
        with plain_errors(source), self._repository.working() as folder:
            try:
                facts = source.fs.info(source.path)
                etag = str(facts.get("ETag") or facts.get("etag") or "")
                if etag and (last := self._unchanged(path, facts["size"], 0, etag)):
                    return last
                source.fs.get_file(source.path, str(folder / "copy"))
            except FileNotFoundError:
                raise _VanishedError(path) from None
            return self._store(path, folder / "copy", 0, etag)

    def _unchanged(self, path: str, size: int, modified_ns: int, etag: str) -> BackupFile | None:
        """What the backup before has of a file, if it is the same and is still there."""
        last = self._last.get(path)
        if (
            last is not None
            and (last.size, last.modified_ns, last.etag) == (size, modified_ns, etag)
            and last.object in self._there
            and last.object == self._repository.seal.name(last.sha256)
        ):
            return last
        return None

    def _database(self, path: str, source: Path) -> BackupFile:
        try:
            with self._repository.working() as folder:
                copy = folder / "copy"
                with (
                    closing(
                        sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
                    ) as s,
                    closing(sqlite3.connect(copy)) as target,
                ):
                    s.backup(target)
                return self._store(path, copy, 0)
        except sqlite3.Error as error:
            if not source.exists():
                raise _VanishedError(path) from None
            raise _unreadable(source, str(error)) from error

    def _text(self, path: str, text: str) -> BackupFile:
        with self._repository.working() as folder:
            (folder / "copy").write_text(text, encoding="utf-8")
            return self._store(path, folder / "copy", 0)

    def _store(self, path: str, copy: Path, modified_ns: int, etag: str = "") -> BackupFile:
        if path.startswith(_DATA):
            _refuse_torn(path, copy)
        size, sha256 = copy.stat().st_size, digest(copy)
        name = self._repository.seal.name(sha256)
        with self._lock:
            is_new = name not in self._there
            self._there.add(name)
            self.stored_files += is_new
            self.stored_bytes += size * is_new
        if is_new:
            self._repository.store(copy, sha256)
        return BackupFile(path, size, sha256, name, modified_ns, etag)


def _refuse_torn(path: str, copy: Path) -> None:
    try:
        pq.read_metadata(copy)
    except (OSError, pa.ArrowException) as error:
        raise BackupError(
            f"{path} is damaged: {str(error).splitlines()[0]}",
            "Run `inventory verify`, and bring the file back from an earlier backup.",
        ) from error


def _unreadable(path: Path, why: str) -> BackupError:
    return BackupError(
        f"{path} cannot be backed up: {why}.",
        "Make the file readable and the temporary folder writable, then repeat the backup.",
    )


def _prune(
    repository: Repository, backups: list[Backup], keep: int
) -> tuple[list[str], str | None]:
    """Remove the oldest backups and what only they had.

    An object is removed when no manifest that stays names it, so all of these must be readable.
    """
    old, staying = backups[:-keep], backups[-keep:]
    try:
        named = {f.object for b in staying for f in repository.manifest(b).files}
        unused = repository.objects() - named
        repository.remove(old, unused)
    except InventoryError as error:
        return [], error.what
    return [b.backup_id for b in old], None
