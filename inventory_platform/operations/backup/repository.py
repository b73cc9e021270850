"""How backups lie at their address: contents once each, and a manifest for every backup.

    objects/<2 letters>/<name>                       contents, named after their hash
    backups/<backup_id>.<sha256 of this file>.json   the manifest; with a key, both end in .age

A backup exists when its manifest appears under its final name, and a manifest is written after
all it names. An object never changes, so what an interrupted backup stored is of use to the
next one. What is stored is the business of `take.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from inventory_platform.errors import BackupError, SettingsError
from inventory_platform.landing.lake import place
from inventory_platform.object_storage import RemoteFolder, open_folder
from inventory_platform.operations.backup.contents import LAKE
from inventory_platform.operations.backup.sealing import Seal, seal_of
from inventory_platform.operations.integrity import digest
from inventory_platform.record_format import RecordFormat
from inventory_platform.settings import Settings


@dataclass(frozen=True)
class BackupFile:
    """A file of a backup.

    Attributes:
        path: Where it belongs: `data/…`, `dagster/…` or `config/…`.
        size: Bytes.
        sha256: Of its contents.
        object: Name of the object that holds them.
        modified_ns: When it was written last, nanoseconds since 1970; 0 where it was made for
            the backup or lay in object storage.
        etag: What object storage called this state of it; empty where it lay in a folder.
    """

    path: str
    size: int
    sha256: str
    object: str
    modified_ns: int
    etag: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes:
        backup_id: Name of the backup; sorts by time.
        created_at: When it was made, naive UTC, ISO 8601.
        code_version: The platform's version.
        files: Its files, sorted by path.
        links: Path of a symbolic link → what it points to.
        losses_accepted: Why it was made although it lacks what the backup before has.
    """

    backup_id: str
    created_at: str
    code_version: str
    files: list[BackupFile]
    links: Mapping[str, str]
    losses_accepted: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def lake_checksums(files: Iterable[BackupFile]) -> dict[str, str]:
    """Those of the lake, relative to it → SHA-256."""
    return {f.path.removeprefix(LAKE): f.sha256 for f in files if f.path.startswith(LAKE)}


_MANIFEST = RecordFormat(Manifest, "manifest of a backup")


@dataclass(frozen=True)
class Backup:
    """A backup by the name of its manifest, before that is read.

    Attributes:
        backup_id: Name of the backup.
        checksum: SHA-256 of the manifest as it is stored.
        is_encrypted: Whether it needs a key.
    """

    backup_id: str
    checksum: str
    is_encrypted: bool

    @property
    def file_name(self) -> str:
        """Name of its manifest."""
        return f"{self.backup_id}.{self.checksum}.json{'.age' if self.is_encrypted else ''}"


@dataclass(frozen=True)
class Repository:
    """The backups of one platform at one address.

    Attributes:
        folder: The address.
        seal: How contents are stored.
        scratch: Folder of this machine for files on their way.
    """

    folder: RemoteFolder
    seal: Seal
    scratch: Path

    def backups(self) -> list[Backup]:
        """The backups there are, oldest first.

        Raises:
            BackupError: The address cannot be read.
        """
        found = (self._parse(name) for name in self._names("backups"))
        return sorted((b for b in found if b), key=lambda backup: backup.backup_id)

    def find(self, backup_id: str | None) -> Backup:
        """A backup by its id; the newest when none is given.

        Raises:
            BackupError: There is none, or it is not encrypted although there is a key.
        """
        there = self.backups()
        for backup in reversed(there):
            if backup_id in (None, backup.backup_id):
                self._refuse_plain(backup)
                return backup
        raise BackupError(
            f"There is no backup {backup_id or ''} at {self.folder.address}.".replace("  ", " "),
            f"There are: {', '.join(b.backup_id for b in there)}."
            if there
            else "Correct the address, or make one with `inventory backup`.",
        )

    def _refuse_plain(self, backup: Backup) -> None:
        # Whoever can write to the address, but has no key, could put one there.
        if self.seal.suffix and not backup.is_encrypted:
            raise BackupError(
                f"Backup {backup.backup_id} at {self.folder.address} is not encrypted, and there "
                "is a key: it may be none of the platform's.",
                "Name another with --backup, or unset the key if it was made before there was one.",
            )

    @staticmethod
    def _parse(name: str) -> Backup | None:
        plain = name.removesuffix(".age")
        backup_id, _, checksum = plain.removesuffix(".json").partition(".")
        is_manifest = plain.endswith(".json") and len(checksum) == 64
        return Backup(backup_id, checksum, plain != name) if is_manifest else None

    def manifest(self, backup: Backup) -> Manifest:
        """Read what a backup holds.

        Raises:
            BackupError: Its manifest is damaged or cannot be read with this key.
        """
        name = f"backups/{backup.file_name}"
        if backup.is_encrypted and not self.seal.suffix:
            raise BackupError(
                f"Backup {backup.backup_id} at {self.folder.address} is encrypted, and there is "
                "no key.",
                "Set INVENTORY_BACKUP_KEY_FILE to the file with its key.",
            )
        with self._reached(), self.working() as folder:
            stored, plain = folder / "stored", folder / "plain"
            self._get(name, stored)
            if digest(stored) != backup.checksum:
                raise BackupError(
                    f"{name} at {self.folder.address} is damaged: its checksum is another.",
                    "Use another backup, or bring this file back from a copy.",
                )
            if not backup.is_encrypted:
                plain = stored
            else:
                try:
                    self.seal.open(stored, plain)
                except BackupError as error:
                    raise BackupError(
                        f"{name} at {self.folder.address}: {error.what}", error.remedy
                    ) from None
            return _MANIFEST.read(plain.read_text(encoding="utf-8"))

    def commit(self, manifest: Manifest) -> Backup:
        """Make a backup exist, all of whose objects are there."""
        with self._reached(), self.working() as folder:
            plain, stored = folder / "plain", folder / "stored"
            plain.write_text(_MANIFEST.write(manifest, indent=None), encoding="utf-8")
            self.seal.close(plain, stored)
            backup = Backup(manifest.backup_id, digest(stored), bool(self.seal.suffix))
            self._put(stored, f"backups/{backup.file_name}")
            return backup

    def objects(self) -> set[str]:
        """Names of all objects that are there."""
        return set(self._names("objects"))

    def store(self, plain: Path, sha256: str) -> str:
        """Store contents under the name they have."""
        name = self.seal.name(sha256)
        with self._reached(), self.working() as folder:
            self.seal.close(plain, folder / "stored")
            self._put(folder / "stored", _object_path(name))
        return name

    def fetch(self, file: BackupFile, target: Path) -> None:
        """Write a file's contents to a path of this machine, checked.

        Raises:
            BackupError: They are not there or not what they were; says which file.
        """
        name = _object_path(file.object)
        with self._reached(), self.working() as folder:
            stored, plain = folder / "stored", folder / "plain"
            try:
                self._get(name, stored)
                if file.object.endswith(".age"):
                    self.seal.open(stored, plain)
                else:
                    plain = stored
            except BackupError as error:
                raise BackupError(f"{file.path} ({name}): {error.what}") from None
            if plain.stat().st_size != file.size or digest(plain) != file.sha256:
                raise BackupError(f"{file.path} ({name}): its checksum is another.")
            target.parent.mkdir(parents=True, exist_ok=True)
            place(plain, target)

    def remove(self, backups: Collection[Backup], objects: Collection[str]) -> None:
        """Remove backups, then objects that no other backup has."""
        names = [f"backups/{b.file_name}" for b in backups]
        names += [_object_path(name) for name in sorted(objects)]
        with self._reached():
            for name in names:
                self.folder.fs.rm_file(self.folder.path(name))

    @contextmanager
    def working(self) -> Iterator[Path]:
        """A folder of this machine for files on their way."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch, prefix=".backup-") as name:
            yield Path(name)

    def _names(self, below: str) -> list[str]:
        with self._reached():
            try:
                found = self.folder.fs.find(self.folder.path(below))
            except FileNotFoundError:
                return []
        names = (PurePosixPath(path).name for path in found)
        return [name for name in names if not name.startswith(".")]

    def _get(self, name: str, target: Path) -> None:
        with self._reached():
            try:
                self.folder.fs.get_file(self.folder.path(name), str(target))
            except FileNotFoundError:
                raise BackupError(
                    f"{name} is missing at {self.folder.address}.",
                    "Use another backup, or bring this file back from a copy.",
                ) from None

    def _put(self, source: Path, name: str) -> None:
        target = self.folder.path(name)
        with self._reached():
            if not self._is_local:
                # One request that takes effect as a whole; a cut one leaves nothing.
                self.folder.fs.put_file(str(source), target)
                return
            aside = Path(target).with_name(f".{Path(target).name}")
            aside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, aside)
            place(aside, Path(target))

    @property
    def _is_local(self) -> bool:
        return "file" in self.folder.fs.protocol

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except _storage_errors() as error:
            raise BackupError(
                f"Backups at {self.folder.address} cannot be read or written: {error}",
                "Make the address reachable and writable, then repeat the command: what was "
                "stored stays stored.",
                is_transient=True,
            ) from error


def open_repository(settings: Settings, address: str | None = None) -> Repository:
    """Open the backups at an address; the settings' when none is given.

    Raises:
        SettingsError: There is no address, or the key or the address is wrong.
    """
    where = address or settings.backup_address
    if not where:
        raise SettingsError(
            "There is no address for backups.",
            "Set INVENTORY_BACKUP_ADDRESS, or name it in the command: a folder, s3://, az:// "
            "or gs://.",
        )
    folder = open_folder(where, "INVENTORY_BACKUP_ADDRESS")
    return Repository(folder, seal_of(settings), settings.temp_dir)


def _object_path(name: str) -> str:
    return f"objects/{name[:2]}/{name}"


def _storage_errors() -> tuple[type[Exception], ...]:
    """What file systems raise; the packages of clouds that are not installed raise nothing."""
    errors: list[type[Exception]] = [OSError]
    with suppress(ImportError):
        from botocore.exceptions import BotoCoreError, ClientError

        errors += [BotoCoreError, ClientError]
    with suppress(ImportError):
        from azure.core.exceptions import AzureError

        errors.append(AzureError)
    return tuple(errors)
