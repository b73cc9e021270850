"""Copying a lake, and what is published, from this machine to object storage.

Every file is read back and compared before it counts as copied. Files that make others visible
go last, and what is there already, byte for byte, is not sent again: a migration that was cut
goes on where it stopped. Nothing is ever removed or changed here; which settings then lead to
the copy is said by the command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
from upath import UPath

from inventory_platform.landing.lake import Lake
from inventory_platform.object_storage import StorageError, open_path, plain_errors, send
from inventory_platform.publishing.parquet import commit_pointer, current_publication
from inventory_platform.settings import Settings
from inventory_platform.warehouse import only_run

_RECORDS = ("fetches", "loads")
"""Folders of the lake that say which files of the others are committed: they come last."""

_STAYS = "operations"
"""The history of this machine's runs, which is published with the marts."""

_AT_ONCE = 8
_CHUNK = 4 << 20


@dataclass(frozen=True)
class File:
    """A file here, and where it goes."""

    source: Path
    target: UPath


@dataclass(frozen=True)
class Copied:
    """What became of one file.

    Attributes:
        size: Its bytes.
        rows: Rows of a Parquet file, as counted in the copy; 0 for any other.
        was_there: Whether it had been copied before.
    """

    size: int
    rows: int
    was_there: bool


@dataclass(frozen=True)
class Migration:
    """What a migration did.

    Attributes:
        lake_address: What `INVENTORY_LAKE_ADDRESS` is to be set to.
        published_address: What `INVENTORY_PUBLISHED_ADDRESS` is to be set to.
        files: Files there now, each compared with the one here.
        copied: Those of them that were sent now.
        rows: Rows of all Parquet files among them.
        size: Bytes of all of them.
    """

    lake_address: str
    published_address: str
    files: int
    copied: int
    rows: int
    size: int


def migrate(
    settings: Settings,
    address: str,
    *,
    on_start: Callable[[int], None] = lambda _: None,
    on_file: Callable[[Copied], None] = lambda _: None,
) -> Migration:
    """Copy the lake of this machine and its published marts to an address.

    No run writes meanwhile: the migration takes a run's turn.

    Args:
        settings: Where the lake is; its own address settings are not looked at.
        address: The folder in object storage; `lake` and `published` appear below it.
        on_start: Told how many bytes there are.
        on_file: Told of each file that is there and verified.

    Raises:
        SettingsError: The address cannot be reached.
        StorageError: A file could not be copied, or is another one when read back.
        WarehouseError: A run is writing and does not end.
    """
    address = address.rstrip("/")
    root = open_path(address, "--to")
    here = settings.model_copy(update={"lake_address": "", "published_address": ""})
    with only_run(here, settings.lock_timeout_seconds):
        lake = _lake_files(here.lake_dir, root / "lake")
        published = [*_published_files(here, root / "published")]
        on_start(sum(file.source.stat().st_size for files in (*lake, published) for file in files))
        # One listing tells what is there; asking for each file takes as long as sending it.
        with plain_errors(root):
            listed = root.fs.find(root.path, detail=True)
        sizes = {name: info["size"] for name, info in listed.items()}
        done: list[Copied] = []
        for files in (*lake, published):
            done += _copy_all(files, sizes, on_file)
        for below, version in _current_versions(here):
            commit_pointer(root / "published" / below, version)
    return Migration(
        lake_address=f"{address}/lake",
        published_address=f"{address}/published",
        files=len(done),
        copied=sum(not one.was_there for one in done),
        rows=sum(one.rows for one in done),
        size=sum(one.size for one in done),
    )


def _lake_files(source: Path, target: UPath) -> list[list[File]]:
    """The lake's committed files, folder by folder, records last.

    Streams go on meanwhile: a load that commits after the records were listed stays here whole.
    """
    committed, _ = Lake(source).contents()
    by_zone: dict[str, list[File]] = {}
    for name in sorted(committed):
        by_zone.setdefault(name.split("/")[0], []).append(File(source / name, target / name))
    zones = sorted(by_zone.keys() - {*_RECORDS, _STAYS})
    return [by_zone.get(zone, []) for zone in (*zones, *_RECORDS)]


def _current_versions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Folders below the published one, and the version readers see in each."""
    for below in ("", "live", "operations"):
        if found := current_publication(settings.data_dir / "published" / below):
            yield below, found[1].version


def _published_files(settings: Settings, target: UPath) -> Iterator[File]:
    for below, version in _current_versions(settings):
        relative = Path(below) / "versions" / version
        for path in sorted((settings.data_dir / "published" / relative).iterdir()):
            yield File(path, target / (relative / path.name).as_posix())


def _copy_all(
    files: Sequence[File], sizes: Mapping[str, int], on_file: Callable[[Copied], None]
) -> list[Copied]:
    done = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for copied in pool.map(partial(_copy, sizes=sizes), files):
                on_file(copied)
                done.append(copied)
        finally:
            pool.shutdown(cancel_futures=True)
    return done


def _copy(file: File, sizes: Mapping[str, int]) -> Copied:
    with file.source.open("rb") as local:
        digest = hashlib.file_digest(local, "sha256").hexdigest()
    size = file.source.stat().st_size
    # Of a file of the right size it is enough to read it back.
    was_there = sizes.get(file.target.path) == size and _digest(file.target) == digest
    if not was_there:
        send(file.source, file.target)
        if _digest(file.target) != digest:
            raise StorageError(
                f"{file.target} is not what was sent: its checksum differs.",
                "Run the migration again; the lake here is as it was.",
            )
    return Copied(size, _same_rows(file), was_there)


def _digest(path: UPath) -> str:
    found = hashlib.sha256()
    with plain_errors(path), path.open("rb") as remote:
        while chunk := remote.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _same_rows(file: File) -> int:
    """Rows of a Parquet file, counted here and there."""
    if file.source.suffix != ".parquet":
        return 0
    expected = pq.read_metadata(file.source).num_rows
    with plain_errors(file.target), file.target.open("rb") as remote:
        found = pq.read_metadata(remote).num_rows
    if found != expected:
        raise StorageError(
            f"{file.target} has {found} rows where the file here has {expected}.",
            "Run the migration again; the lake here is as it was.",
        )
    return int(found)
