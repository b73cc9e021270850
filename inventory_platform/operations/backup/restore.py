"""Brings a backup back, or only checks it: every file is verified before any is put in place.

    <data>/.restore/<backup_id>/data|dagster|config/…   verified files, until all are
    <data>/.restore/<backup_id>/verified                then: putting them in place has begun

A restore that was interrupted goes on where it was. Configuration is put beside the data, in
`restored_config`, as the project has its own and the secrets in it are masked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from inventory_platform.errors import BackupError
from inventory_platform.operations.backup.contents import PSEUDONYM_KEY
from inventory_platform.operations.backup.repository import (
    Backup,
    BackupFile,
    Manifest,
    Repository,
    lake_checksums,
)
from inventory_platform.operations.integrity import Progress, digest, unheard
from inventory_platform.settings import Settings

_OF_THE_MACHINE = frozenset({".restore", "duckdb_extensions", "logs", "sandbox", "tmp"})
"""What lies in a data folder and is no state of the platform."""
_AT_ONCE = 8
_SHOWN = 10
_CONFIGURATION = "restored_config"


@dataclass(frozen=True)
class Restored:
    """What was brought back.

    Attributes:
        backup: The backup.
        manifest: What it holds.
        configuration: Folder of the configuration that was in use, with secrets masked.
    """

    backup: Backup
    manifest: Manifest
    configuration: Path


def restore(
    settings: Settings,
    repository: Repository,
    backup_id: str | None = None,
    *,
    on_progress: Progress = unheard,
) -> Restored:
    """Bring a backup back into an empty data folder.

    Args:
        settings: Where it goes.
        repository: Where the backup is.
        backup_id: Which one; the newest when omitted.
        on_progress: Told about each file.

    Raises:
        BackupError: The folder is not empty, or files of the backup are missing or damaged;
            nothing was put in place.
    """
    backup = repository.find(backup_id)
    staged = settings.data_dir / ".restore" / backup.backup_id
    _refuse_occupied(settings, staged)
    manifest = repository.manifest(backup)
    _refuse_outside(manifest)
    if not _verified(staged).exists():
        problems = _fetch(repository, manifest, staged, on_progress)
        if problems:
            raise _damaged(backup, problems)
        for path, target in manifest.links.items():
            link = staged / path
            link.unlink(missing_ok=True)
            link.symlink_to(target, target_is_directory=True)
        _verified(staged).touch()
    _put_in_place(settings, staged)
    shutil.rmtree(staged.parent)
    return Restored(backup, manifest, settings.data_dir / _CONFIGURATION)


def check_backup(
    repository: Repository,
    backup_id: str | None = None,
    *,
    on_progress: Progress = unheard,
) -> tuple[Backup, Manifest, list[str]]:
    """Read every file of a backup, and compare it with its checksum.

    Returns:
        The backup, what it holds, and what is missing or damaged of it.

    Raises:
        BackupError: There is no such backup, or its manifest is damaged.
    """
    backup = repository.find(backup_id)
    manifest = repository.manifest(backup)

    with repository.working() as folder:
        found = _each(repository, manifest, folder, on_progress, is_kept=False)
        return backup, manifest, list(found)


def checksums(manifest: Manifest) -> dict[str, str]:
    """Files of the lake, relative to it → SHA-256."""
    return lake_checksums(manifest.files)


def _fetch(
    repository: Repository, manifest: Manifest, staged: Path, on_progress: Progress
) -> list[str]:
    try:
        staged.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staged.mkdir(exist_ok=True)
    except OSError as error:
        raise BackupError(
            f"Folder {staged} cannot be created: {error.strerror}.",
            "Make the data folder writable, or set INVENTORY_DATA_DIR to another one.",
        ) from error
    return list(_each(repository, manifest, staged, on_progress, is_kept=True))


def _each(
    repository: Repository,
    manifest: Manifest,
    folder: Path,
    on_progress: Progress,
    *,
    is_kept: bool,
) -> Iterator[str]:
    """Fetch and verify all files below a folder; yields what is wrong with each."""

    def work(file: BackupFile) -> str | None:
        target = folder / file.path
        try:
            if not (is_kept and _is_there(target, file)):
                repository.fetch(file, target)
        except BackupError as error:
            # One that cannot be reached says nothing about the file.
            if error.is_transient:
                raise
            return error.what
        if is_kept and file.path == PSEUDONYM_KEY:
            target.chmod(0o600)
        if is_kept and file.modified_ns:
            os.utime(target, ns=(file.modified_ns, file.modified_ns))
        if not is_kept:
            target.unlink()
        return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(work, file) for file in manifest.files]
        try:
            for done, future in enumerate(futures, start=1):
                if problem := future.result():
                    yield problem
                on_progress(done, len(futures))
        except BackupError:
            pool.shutdown(cancel_futures=True)
            raise


def _is_there(target: Path, file: BackupFile) -> bool:
    return target.is_file() and target.stat().st_size == file.size and digest(target) == file.sha256


def _verified(staged: Path) -> Path:
    return staged / "verified"


def _refuse_occupied(settings: Settings, staged: Path) -> None:
    for folder, machine in (
        (settings.data_dir, _OF_THE_MACHINE),
        (settings.dagster_home, frozenset[str]()),
    ):
        if _verified(staged).exists() or not folder.exists():
            continue  # An interrupted restore put it there.
        if not folder.is_dir():
            raise BackupError(f"{folder} is no folder.", "Set INVENTORY_DATA_DIR to another one.")
        if there := sorted(p.name for p in folder.iterdir() if p.name not in machine):
            raise BackupError(
                f"{folder} is not empty: it holds {', '.join(there[:5])}.",
                "Set INVENTORY_DATA_DIR to an empty folder, or move this one away. Nothing was "
                "restored.",
            )


def _refuse_outside(manifest: Manifest) -> None:
    # Whoever can write to the address must not write anywhere on this machine.
    links = [str(PurePosixPath(path).parent / to) for path, to in manifest.links.items()]
    for path in [*(f.path for f in manifest.files), *manifest.links, *links]:
        parts = PurePosixPath(path).parts
        if ".." in parts or not parts or parts[0] not in ("data", "dagster", "config"):
            raise BackupError(
                f"Backup {manifest.backup_id} names {path}, which lies outside of the data folder.",
                "Do not restore it: it was not made by the platform.",
            )


def _damaged(backup: Backup, problems: list[str]) -> BackupError:
    more = len(problems) - _SHOWN
    listed = "\n  ".join(problems[:_SHOWN]) + (f"\n  and {more} more" if more > 0 else "")
    return BackupError(
        f"Backup {backup.backup_id} is not whole, {len(problems)} files are missing or "
        f"damaged:\n  {listed}",
        "Nothing was put in place. Restore an earlier backup with --backup, or bring these "
        "objects back from a copy of the address and repeat: what was verified is not fetched "
        "again.",
    )


def _put_in_place(settings: Settings, staged: Path) -> None:
    """Move whole folders; those an interrupted restore had moved are no longer there."""
    moves = [(p, settings.data_dir / p.name) for p in sorted((staged / "data").glob("*"))]
    moves.append((staged / "dagster", settings.dagster_home))
    moves.append((staged / "config", settings.data_dir / _CONFIGURATION))
    for source, target in moves:
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                if target.is_dir():
                    target.rmdir()
                shutil.move(source, target)
            except OSError as error:
                raise BackupError(
                    f"{target} cannot be put in place: {error.strerror}.",
                    "Make it empty and writable, and repeat: the rest is verified and waits in "
                    f"{staged}.",
                ) from error
