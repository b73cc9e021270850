"""The lake's files: raw zone, quarantine, load log, and the one commit point of a load.

    raw/<source>/<table>/ingest_date=YYYY-MM-DD/<load_id>.parquet          accepted rows
    raw/<source>/<table>/ingest_date=YYYY-MM-DD/<first>-<last>.parquet     those of several loads
    quarantine/<source>/<table>/ingest_date=YYYY-MM-DD/<load_id>.parquet   rejected rows
    loads/<source>/<table>/<load_id>.json                                  the load's record

A load is committed when its record appears under its final name, by one rename. Data files
are put in place before; without a record nobody looks at them, and the next load of the
table sweeps them away. Cursor, ledger, schema and quarantine are read from these files
alone, so there is no second place to keep in step. How rows get into the files is
`loader.py`; how they are shown as relations is `views.py`.

The files lie in a folder or in object storage. There a file appears by one PUT under its final
name, so the record's PUT is the commit point. Loads in progress and locks are on this machine in
either case: a lake has one machine that writes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import LandingError
from inventory_platform.object_storage import (
    StoragePath,
    files_below,
    plain_errors,
    send,
    send_text,
)
from inventory_platform.record_format import RecordFormat
from inventory_platform.settings import Settings
from inventory_platform.sources.base import refusal

_ID_FORMAT = "%Y%m%dT%H%M%S%f"

_File = TypeVar("_File", bound="StoragePath | str")

LoadKind = Literal["snapshot", "incremental", "replay"]

_RECORDS_REMEMBERED = 16_384

_LOG_OF = {"raw": "loads", "quarantine": "loads", "pages": "fetches"}
"""Zone → where the records of its files are."""
_LOGS = frozenset(_LOG_OF.values())


@dataclass(frozen=True)
class LoadRecord:
    """What is known of one committed load of one table; one line of the ledger.

    `rows_read = rows_loaded + rows_quarantined + rows_deduplicated`, always. Rows that
    vanished from a snapshot are written as deletions and counted apart, as they were not
    read. `resume` says where in the source the next load goes on, `inputs` what was taken in
    whole (files). `cursor_from` and `cursor_to` are the cursor before and after the load;
    every cursor value in the raw file lies within one of `cursor_spans` (first, last).
    Instants are naive UTC in ISO 8601. Records are shared; nobody changes one.
    """

    load_id: str
    source: str
    table_name: str
    kind: LoadKind
    address: str
    code_version: str
    contract_version: str
    started_at: str
    committed_at: str
    rows_read: int
    rows_loaded: int
    rows_quarantined: int
    rows_deduplicated: int
    rows_vanished: int
    cursor_column: str | None = None
    cursor_from: str | None = None
    cursor_to: str | None = None
    cursor_spans: list[list[str]] = field(default_factory=list)
    resume: str | None = None
    raw_file: str | None = None
    quarantine_file: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    drift: list[str] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> str:
        """The record as one JSON document."""
        return _RECORD.write(self)

    @classmethod
    def from_json(cls, text: str) -> LoadRecord:
        """Read a record back, of this or an earlier format.

        Raises:
            InventoryError: The text is no record, or one of a later format.
        """
        return _RECORD.read(text)


_RECORD = RecordFormat(LoadRecord, "load record")


@dataclass(frozen=True)
class Lake:
    """The lake's folder and the rules by which files appear in it.

    Attributes:
        root: The folder, here or in object storage.
        absolute: Whether paths for SQL are absolute. Relative ones follow the lake when it
            moves (`file_search_path`); only a connection that may reach nothing but the lake
            needs absolute ones, and object storage has no others.
        local: Folder of locks and of loads in progress; the lake's own when omitted.
        listing: All files of the zones of loads, where they were listed beforehand.
    """

    root: StoragePath
    absolute: bool = False
    local: Path | None = None
    listing: Mapping[str, Sequence[StoragePath]] | None = field(
        default=None, compare=False, repr=False
    )

    @classmethod
    def of(cls, settings: Settings, *, absolute: bool = False) -> Lake:
        """The lake that the settings name.

        Raises:
            SettingsError: Object storage cannot be reached as it is set.
        """
        return cls(settings.lake_root, absolute, settings.lake_dir)

    def as_of_now(self) -> Lake:
        """The same lake for one look at many tables.

        A request for each of them would take object storage minutes; there everything is listed
        once, and what is committed afterwards is not seen.
        """
        if isinstance(self.root, Path):
            return self
        listing: dict[str, list[StoragePath]] = {}
        for zone in ("loads", "raw", "quarantine"):
            for path in files_below(self.root / zone):
                table = "/".join(str(path).removeprefix(f"{self.root}/").split("/")[:3])
                listing.setdefault(table, []).append(path)
        return replace(self, listing=listing)

    def sql_path(self, path: StoragePath) -> str:
        """A path below the lake, or a pattern of paths, as SQL names it."""
        if self.absolute or not (isinstance(path, Path) and isinstance(self.root, Path)):
            return str(path)
        return str(path.relative_to(self.root))

    def log_dir(self, contract: TableContract) -> StoragePath:
        """Folder of a table's load records."""
        return self.root / "loads" / contract.source / contract.name

    def load_ids(self, contract: TableContract, as_of: str | None = None) -> list[str]:
        """Committed loads of a table, oldest first, up to and including `as_of`."""
        ids = sorted(p.stem for p in self._find("loads", contract, "*.json"))
        return [i for i in ids if as_of is None or i <= as_of]

    def record(self, contract: TableContract, load_id: str) -> LoadRecord:
        """Read the record of a committed load."""
        path = self.log_dir(contract) / f"{load_id}.json"
        with plain_errors(path):
            # Here people replace files; in object storage asking when costs as much as reading.
            return _read_record(path, path.stat().st_mtime_ns if isinstance(path, Path) else 0)

    def last_record(self, contract: TableContract) -> LoadRecord | None:
        """The newest committed load of a table."""
        ids = self.load_ids(contract)
        return self.record(contract, ids[-1]) if ids else None

    def inputs(self, contract: TableContract, contract_version: str) -> frozenset[str]:
        """What the loads of a table took in or refused as a whole; see `Input.is_among`.

        What was refused under another version of the contract, or by a record from before it was
        kept how a file was declared, may be taken in now.
        """
        records = [self.record(contract, load_id) for load_id in self.load_ids(contract)]
        return frozenset(
            given["fingerprint"]
            if given["problem"] is None
            else refusal(given["fingerprint"], given.get("declared"))
            for record in records
            for given in record.inputs
            if given["problem"] is None or record.contract_version == contract_version
        )

    def files(
        self, zone: Literal["raw", "quarantine"], contract: TableContract, as_of: str | None = None
    ) -> list[str]:
        """Committed files of a table, oldest load first, as SQL names them.

        A file of several loads may hold later ones than `as_of` too: its rows say which.
        """
        return [self.sql_path(path) for path in self.paths(zone, contract, as_of)]

    def _files_of(self, zone: str, contract: TableContract) -> Iterable[StoragePath]:
        return self._find(zone, contract, "ingest_date=*/*.parquet")

    def _find(self, zone: str, contract: TableContract, pattern: str) -> Iterable[StoragePath]:
        table = f"{zone}/{contract.source}/{contract.name}"
        if self.listing is not None:
            return self.listing.get(table, ())
        return files_below(self.root / table, pattern)

    @contextmanager
    def lock(self, contract: TableContract, timeout_seconds: float) -> Iterator[None]:
        """Hold the only right to load a table; the system frees it when a process dies.

        Raises:
            LandingError: Another process still holds it after the time given.
        """
        with self.lock_named(contract.relation, f"Table {contract.relation}", timeout_seconds):
            yield

    @contextmanager
    def lock_named(self, name: str, what: str, timeout_seconds: float) -> Iterator[None]:
        """Hold a lock of the lake; `what` says in an error what somebody else holds.

        Raises:
            LandingError: Another process still holds it after the time given.
        """
        path = self._local / ".locks" / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            deadline = time.monotonic() + timeout_seconds
            while not _try_lock(file.fileno()):
                if time.monotonic() >= deadline:
                    file.seek(0)
                    raise LandingError(
                        f"{what} is in use by process {file.read().strip() or 'unknown'}.",
                        "Wait until it has finished, or stop it, and try again.",
                        is_transient=True,
                    )
                time.sleep(0.05)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def new_load_id(self, contract: TableContract, now: datetime) -> str:
        """An id that sorts after every earlier load of the table, even if the clock jumped back."""
        return self.id_after(self.load_ids(contract), now)

    @staticmethod
    def id_after(ids: Sequence[str], now: datetime) -> str:
        """An id for this instant that sorts after all of these ids, which are in order."""
        if ids and now.strftime(_ID_FORMAT) <= ids[-1]:
            now = datetime.strptime(ids[-1], _ID_FORMAT).replace(tzinfo=UTC) + timedelta(
                microseconds=1
            )
        return now.strftime(_ID_FORMAT)

    @contextmanager
    def staging(self, contract: TableContract) -> Iterator[Path]:
        """An empty folder for a load in progress, on the file system of a lake in a folder."""
        with self.staging_named(contract.relation) as folder:
            yield folder

    @contextmanager
    def staging_named(self, name: str) -> Iterator[Path]:
        """An empty folder for work in progress; the caller holds the lock of that name."""
        folder = self._local / ".staging" / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise LandingError(
                f"Folder {folder} cannot be created: {error.strerror}.",
                "Make the data folder writable, or set INVENTORY_DATA_DIR to another one.",
            ) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, contract: TableContract) -> None:
        """Remove files of loads that never committed; the caller holds the table's lock."""
        committed = set(self.load_ids(contract))
        for zone in ("raw", "quarantine"):
            for path in list(self._files_of(zone, contract)):
                if loads_in(path)[0] not in committed:
                    remove(path)
        remove_unfinished(self.log_dir(contract))

    @property
    def _local(self) -> Path:
        if self.local is not None:
            return self.local
        assert isinstance(self.root, Path), "a lake in object storage needs a local folder"
        return self.root

    def target(self, zone: Literal["raw", "quarantine"], record_id: str, c: TableContract) -> str:
        """Where a load's file of a zone goes, relative to the lake."""
        return (
            f"{zone}/{c.source}/{c.name}/ingest_date={self.date_of(record_id)}/{record_id}.parquet"
        )

    @staticmethod
    def date_of(record_id: str) -> date:
        """The day an id was made; of several loads in one file, the first."""
        first, _ = loads_in(record_id)
        return datetime.strptime(first, _ID_FORMAT).replace(tzinfo=UTC).date()

    def commit(
        self, contract: TableContract, record: LoadRecord, staged: dict[str, Path]
    ) -> LoadRecord:
        """Make a load visible: put its files in place, then its record.

        Args:
            contract: The table loaded.
            record: The load's record; its files are filled in here.
            staged: Zone (`raw`, `quarantine`) → finished file in the staging folder.

        Returns:
            The record as committed.

        Raises:
            LandingError: The ledger equation does not hold; nothing becomes visible.
        """
        kept = record.rows_loaded + record.rows_quarantined + record.rows_deduplicated
        if record.rows_read != kept:
            raise LandingError(
                f"Load of {contract.relation} read {record.rows_read} rows but can account for "
                f"{kept}.",
                "This is a defect of the platform: please report it. Nothing was loaded.",
            )
        files: dict[str, Any] = {}
        for zone, path in staged.items():
            relative = self.target(zone, record.load_id, contract)  # type: ignore[arg-type]
            place(path, self.root / relative)
            files[f"{zone}_file"] = relative
        final = LoadRecord(**{**asdict(record), **files, "committed_at": _now_text()})
        self._commit_record(contract, final)
        return final

    def _commit_record(self, contract: TableContract, record: LoadRecord) -> None:
        commit_text(self.log_dir(contract) / f"{record.load_id}.json", record.to_json())

    def paths(
        self, zone: Literal["raw", "quarantine"], contract: TableContract, as_of: str | None = None
    ) -> list[StoragePath]:
        """Committed files of a table, oldest load first, without those another one replaces."""
        committed = set(self.load_ids(contract, as_of))
        found = [p for p in self._files_of(zone, contract) if loads_in(p)[0] in committed]
        return uncovered(found)

    def contents(self) -> tuple[list[str], list[str]]:
        """All files, relative to the lake: those of committed state, and those nobody committed.

        Records come first in the list and are looked for first, so a load that commits meanwhile
        is wholly in it or wholly out of it. Work in progress, and files that one of several loads
        replaces, are in neither list.
        """
        records = [name for log in sorted(_LOGS) for name in self._below(self.root / log)]
        known = {PurePosixPath(record).with_suffix("").parts for record in records}
        committed, uncommitted = list(records), list[str]()
        merged: dict[tuple[str, ...], list[str]] = {}
        for name in (name for zone in self._zones() for name in self._below(zone)):
            parts = PurePosixPath(name).parts
            if parts[0] in _LOGS:
                continue
            # A data file has the name of its (first) record, one folder further down.
            table = (_LOG_OF.get(parts[0]), *parts[1:-2])
            if table[0] is None:
                committed.append(name)
            elif (*table, loads_in(name)[0]) in known:
                merged.setdefault(parts[:-2], []).append(name)
            else:
                uncommitted.append(name)
        committed += [name for names in merged.values() for name in uncovered(names)]
        return committed, uncommitted

    def _zones(self) -> list[StoragePath]:
        # Work in progress comes and goes; in object storage there is none, and one listing is all.
        is_here = isinstance(self.root, Path)
        return sorted(self.root.glob("[!.]*"), key=str) if is_here else [self.root]

    def _below(self, folder: StoragePath) -> list[str]:
        root = f"{self.root}".rstrip("/") + "/"
        names = (str(path).removeprefix(root) for path in files_below(folder))
        return sorted(n for n in names if not any(p.startswith(".") for p in n.split("/")))

    def covered(
        self, zone: Literal["raw", "quarantine"], contract: TableContract
    ) -> list[StoragePath]:
        """Files of a table that a file of several loads replaces; nobody looks at them."""
        shown = set(self.paths(zone, contract))
        return [path for path in self._files_of(zone, contract) if path not in shown]


def loads_in(file: StoragePath | str) -> tuple[str, str]:
    """The first and the last load whose rows a file holds, by its name."""
    first, _, last = PurePosixPath(str(file)).stem.partition("-")
    return first, last or first


def uncovered(files: Iterable[_File]) -> list[_File]:
    """Files without those whose loads lie in another one's, oldest load first.

    Two files hold the same loads, or none in common, or one all of the other's: nothing else is
    ever written.
    """
    widest_first = sorted(files, key=lambda path: loads_in(path)[1], reverse=True)
    shown: list[_File] = []
    for path in sorted(widest_first, key=lambda path: loads_in(path)[0]):
        if not shown or loads_in(path)[1] > loads_in(shown[-1])[1]:
            shown.append(path)
    return shown


def place(staged: Path, target: StoragePath) -> None:
    """Put a finished file where it belongs, safe against a power cut.

    Raises:
        StorageError: Object storage did not take it.
    """
    if not isinstance(target, Path):
        send(staged, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    _sync(staged)
    staged.replace(target)
    _sync(target.parent)


def commit_text(target: StoragePath, text: str) -> None:
    """Make a small file appear whole or not at all.

    Raises:
        StorageError: Object storage did not take it.
    """
    if not isinstance(target, Path):
        send_text(text, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.parent / f".{target.name}.tmp"
    staged.write_text(text)
    _sync(staged)
    staged.replace(target)
    _sync(target.parent)


def remove(path: StoragePath) -> None:
    """Remove a file.

    Raises:
        StorageError: Object storage refused.
    """
    with plain_errors(path):
        path.unlink()


def remove_unfinished(folder: StoragePath) -> None:
    """Remove what `commit_text` did not finish; in object storage nothing of it is ever seen."""
    if isinstance(folder, Path) and folder.is_dir():
        for path in folder.glob(".*.tmp"):
            path.unlink()


# A record never changes, and every load of a table asks for all that came before it.
@lru_cache(maxsize=_RECORDS_REMEMBERED)
def _read_record(path: StoragePath, _written_ns: int) -> LoadRecord:
    return LoadRecord.from_json(path.read_text())


def _now_text() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
