"""Published marts as Parquet files in a folder elsewhere: object storage, or a path.

    <address>/current.json                     names the version readers should use
    <address>/versions/<version>.json          its manifest: the file, rows and hash of each mart
    <address>/marts/<mart>/<sha256>.parquet    files, named by their content and never changed

Readers ask `current.json`, then the manifest, then the files it names, and have one version
whatever is published meanwhile. `current.json` is written last, as one object, after every new
file was read back and had the bytes it should have. A mart whose rows have not changed keeps its
file. Files that none of the kept manifests names are removed; a file left over by a publication
that was killed is one of these.

One platform publishes to one folder. The platform's own published folder is `parquet.py`.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inventory_platform import duck
from inventory_platform.errors import DestinationUnavailableError, PublishError, SettingsError
from inventory_platform.object_storage import (
    RemoteFolder,
    StoragePath,
    is_refusal,
    on_this_machine,
    open_folder,
    reason_of,
    storage_failures,
)
from inventory_platform.publishing.base import Report, Sent, Tell, tell_nobody
from inventory_platform.publishing.contents import Contents, read_contents
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import Publication
from inventory_platform.settings import Settings

if TYPE_CHECKING:
    from inventory_platform.publishing.destinations import Entry

KEYS = frozenset({"keep"})
POINTER = "current.json"
_KEEP = 3
_BLOCK = 8 * 1024 * 1024


def check_entry(entry: Entry, where: str) -> None:
    """Refuse what cannot be meant, before any variable is known.

    Raises:
        SettingsError: Names the key.
    """
    keep = entry.options.get("keep", _KEEP)
    if type(keep) is not int or keep < 1:
        raise SettingsError(f"{where}: keep is {keep!r}.", "Write a number of versions, 1 or more.")
    if entry.password_env:
        raise SettingsError(
            f"{where}: password_env has no meaning for a folder.",
            "Take it out; credentials come from the environment, as each cloud's tools name them.",
        )
    if re.search(r"://[^/]*:[^/]*@", entry.address):
        raise SettingsError(
            f"{where}: the address holds a password.",
            "Take it out; credentials come from the environment, as each cloud's tools name them.",
        )


def open_remote_parquet(entry: Entry, settings: Settings) -> RemoteParquet:
    """The folder of an entry.

    Raises:
        SettingsError: An environment variable is not set, or the storage cannot be opened.
    """
    folder = open_folder(entry.resolved_address(settings), entry.what)
    return RemoteParquet(
        settings,
        entry.name,
        folder=folder,
        keep=entry.options.get("keep", _KEEP),
        marts=entry.marts,
        everything=entry.mode == "full",
    )


class RemoteParquet:
    """Publishes marts as Parquet files to one folder.

    Args:
        settings: Limits of the engine that looks at the files here.
        name: Name of the entry in `destinations.toml`.
        folder: Where to.
        keep: How many versions stay, the current one among them.
        marts: The marts to publish; None for all.
        everything: Whether marts are written anew that have not changed.
    """

    kind = "parquet"

    def __init__(
        self,
        settings: Settings,
        name: str,
        *,
        folder: RemoteFolder,
        keep: int = _KEEP,
        marts: Sequence[str] | None = None,
        everything: bool = False,
    ) -> None:
        self.name = name
        self.marts = marts
        self.where = folder.address
        self._settings = settings
        self._folder = folder
        self._keep = keep
        self._everything = everything
        self._is_local = "file" in _protocols(folder)

    def publish(
        self,
        folder: StoragePath,
        publication: Publication,
        marts: Sequence[Mart],
        tell: Tell = tell_nobody,
    ) -> Report:
        """Make readers of the folder see a published version, all of it at once.

        Raises:
            DestinationUnavailableError: The storage cannot be reached, or failed.
            PublishError: A right is missing, or a file is not there as it was sent.
        """
        with self._failures(), duck.connect(self._settings) as con:
            before = self._current()
            known: Mapping[str, Any] = before.get("marts", {})
            sent, listed = [], {}
            for mart in marts:
                contents = read_contents(con, folder / f"{mart.name}.parquet")
                listed[mart.name], is_new = self._place(mart.name, contents, known)
                written = contents.rows if is_new else 0
                sent.append(Sent(mart.name, contents.rows, written, 1, int(is_new)))
                if is_new:
                    tell(f"{mart.name}: {written:,} rows sent and read back.")
            manifest = f"versions/{publication.version}.json"
            self._put(manifest, _json({**asdict(publication), "marts": listed}))
            self._put(POINTER, _json({"version": publication.version, "manifest": manifest}))
            self._remove_old(publication.version)
        return Report(
            version=publication.version,
            sent=sent,
            left_over=sorted(known.keys() - listed.keys()),
        )

    def _current(self) -> dict[str, Any]:
        """The manifest readers use now; empty before the first."""
        pointer = self._read(POINTER)
        if pointer is None:
            return {}
        manifest = self._read(str(pointer.get("manifest")))
        if manifest is None:
            raise PublishError(
                f"{self.where}/{POINTER} names a manifest that is not there.",
                f"Restore {pointer.get('manifest')}, or remove {POINTER}: everything is then "
                "written anew.",
            )
        return manifest

    def _place(
        self, mart: str, contents: Contents, known: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """What the manifest says of a mart, and whether its file was sent."""
        before = known.get(mart)
        if before and before["fingerprint"] == contents.fingerprint and not self._everything:
            path = self._folder.path(before["file"])
            # Somebody may have removed or replaced it.
            if self._folder.fs.exists(path) and self._folder.fs.size(path) == before["bytes"]:
                return before, False
        with on_this_machine(contents.file, self._settings.temp_dir) as file:
            digest, size = _sha256(file), file.stat().st_size
            relative = f"marts/{mart}/{digest}.parquet"
            self._send(file, relative)
        self._verify(relative, digest)
        listed = {
            "file": relative,
            "rows": contents.rows,
            "bytes": size,
            "sha256": digest,
            "fingerprint": contents.fingerprint,
            "columns": dict(contents.columns),
        }
        return listed, True

    def _send(self, file: Path, relative: str) -> None:
        if not self._is_local:
            self._folder.fs.put_file(str(file), self._folder.path(relative))
            return
        target = Path(self._folder.path(relative))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        shutil.copyfile(file, part)
        part.replace(target)

    def _verify(self, relative: str, digest: str) -> None:
        found = hashlib.sha256()
        with self._folder.fs.open(self._folder.path(relative), "rb", block_size=_BLOCK) as stream:
            while block := stream.read(_BLOCK):
                found.update(block)
        if found.hexdigest() != digest:
            raise PublishError(
                f"{self.where}/{relative} does not hold what was sent.",
                "Readers keep the version before. Publish again; if it happens again, look for "
                "what else writes to the folder.",
            )

    def _put(self, relative: str, content: bytes) -> None:
        """Write a small object that readers see whole, before or after."""
        path = self._folder.path(relative)
        if not self._is_local:
            self._folder.fs.pipe_file(path, content)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(content)
        part.replace(target)

    def _read(self, relative: str) -> dict[str, Any] | None:
        path = self._folder.path(relative)
        if not self._folder.fs.exists(path):
            return None
        try:
            read = json.loads(self._folder.fs.cat_file(path))
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise PublishError(
                f"{self.where}/{relative} is not as the platform writes it.",
                "Publish to an empty folder, or remove what is there.",
            )
        return read

    def _remove_old(self, current: str) -> None:
        """Remove versions beyond those kept, and every file no version names."""
        manifests = {
            posixpath.basename(path): path
            for path in self._files("versions")
            if path.endswith(".json")
        }
        others = sorted(manifests.keys() - {f"{current}.json"}, reverse=True)
        named = set()
        for name in [f"{current}.json", *others[: self._keep - 1]]:
            manifest = self._read(f"versions/{name}") or {}
            named |= {mart["file"] for mart in manifest.get("marts", {}).values()}
        for name in others[self._keep - 1 :]:
            self._folder.fs.rm_file(manifests[name])
        for path in self._files("marts"):
            if "marts/" + path.rpartition("/marts/")[2] not in named:
                self._folder.fs.rm_file(path)

    def _files(self, below: str) -> list[str]:
        return list(self._folder.fs.find(self._folder.path(below)))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What storage fails with, in the platform's words."""
        try:
            yield
        except storage_failures() as error:
            text = reason_of(error)
            if is_refusal(error):
                raise PublishError(
                    f"{self.name}: {self.where} cannot be written: {text}.",
                    "Check that the bucket or container exists and that the credentials in the "
                    "environment may read, write, list and delete below the address.",
                ) from error
            raise DestinationUnavailableError(
                f"{self.name}: {self.where} cannot be reached: {text}.",
                "Readers keep the version before. It is tried again.",
            ) from error


def _protocols(folder: RemoteFolder) -> tuple[str, ...]:
    protocol = folder.fs.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode()
