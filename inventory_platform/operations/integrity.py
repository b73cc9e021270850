"""Whether what is kept is whole: records, the files they name, and their row counts.

Reads everything and changes nothing. Whether rows are right is the business of contracts and
checks; here it is only that none is missing and no file is damaged. Rows are counted by the load
they came with, as a file may hold those of several loads, and those that retention removed by its
rules are none that are missing.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake, LoadRecord, loads_in
from inventory_platform.landing.pages import PageStore
from inventory_platform.landing.suppression import ERASURES, read_erasure
from inventory_platform.object_storage import StoragePath, files_below, plain_errors
from inventory_platform.operations.retention import RETENTION, Zone, read_removal, removed_rows
from inventory_platform.publishing.parquet import current_link, current_publication
from inventory_platform.settings import Settings

_CHUNK = 1 << 20
_AT_ONCE = 8
"""Files that are read at a time; object stores answer slowly."""

LOGS = ("loads", "fetches")
"""Zones of records, which never change."""
REWRITABLE: Mapping[str, Zone] = {"raw": "history", "quarantine": "quarantine", "pages": "pages"}
"""Zones whose files are written anew by erasure, retention and compaction → retention's name."""
CHANGES: Mapping[str, Callable[[StoragePath], object]] = {
    ERASURES: read_erasure, RETENTION: read_removal,
}  # fmt: skip
"""Zones of records that say what was written anew → how one is read."""

Table: TypeAlias = tuple[str, str, str]
"""Zone, source, and table or fetch."""

Progress = Callable[[int, int], None]
"""Told how many of how many are done."""


def unheard(done: int, total: int) -> None:
    """Tell nobody of the progress."""
    del done, total


@dataclass
class Integrity:
    """What was found.

    Attributes:
        records: Records of loads and fetches.
        rows: Rows the loads read.
        files: Files that were looked at.
        compared: Files that were compared with a known checksum.
        problems: What is missing, damaged or does not add up.
        uncommitted: Files of no committed load; a load that goes on, or the next, sees to them.
    """

    records: int = 0
    rows: int = 0
    files: int = 0
    compared: int = 0
    problems: list[str] = field(default_factory=list)
    uncommitted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Account:
    """Rows that a record says there are.

    Attributes:
        record: The record's file.
        record_id: The load or fetch.
        table: Where the rows are.
        file: The file they were written to, relative to the lake.
        rows: How many.
    """

    record: str
    record_id: str
    table: Table
    file: str
    rows: int


@dataclass(frozen=True)
class _Seen:
    """What one file is found to be; of a record, what it says."""

    problems: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    rows_read: int = 0
    rows: Counter[str] | None = None
    is_compared: bool = False


class _Files:
    """The committed files of every table, and the records whose rows are in each."""

    def __init__(self, committed: Iterable[str]) -> None:
        self._spans: dict[Table, list[tuple[str, str, str]]] = defaultdict(list)
        for name in committed:
            if name.split("/")[0] in REWRITABLE:
                self._spans[_table(name)].append((*loads_in(name), name))
        for spans in self._spans.values():
            spans.sort()

    def holding(self, table: Table, record_id: str) -> str | None:
        """The file with the rows of a record, which may be one of several loads."""
        spans = self._spans.get(table, [])
        at = bisect_right(spans, record_id, key=lambda span: span[0]) - 1
        return spans[at][2] if at >= 0 and record_id <= spans[at][1] else None


def check_integrity(
    settings: Settings,
    known: Mapping[str, str] | None = None,
    on_progress: Progress = unheard,
) -> Integrity:
    """Check the lake and the published marts.

    Args:
        settings: Where they are.
        known: File of the lake → its SHA-256, as of a backup (`checksums`). Records are always
            compared with it; files that may be written anew only if no erasure and no retention
            came after the backup.
        on_progress: Told about each file.
    """
    lake = Lake.of(settings)
    committed, uncommitted = lake.contents()
    found = Integrity(files=len(committed), uncommitted=uncommitted)
    files, known = _Files(committed), _comparable(known or {}, changes_of(lake))
    found.problems += _gone(known, committed, files)
    accounts: list[Account] = []
    counted: dict[Table, Counter[str]] = defaultdict(Counter)
    unread: set[str] = set()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looks = pool.map(partial(_look_at, lake, known), committed)
        for done, (name, seen) in enumerate(zip(committed, looks, strict=True), start=1):
            on_progress(done, len(committed))
            found.problems += seen.problems
            found.compared += seen.is_compared
            found.records += is_record(name)
            found.rows += seen.rows_read
            accounts += seen.accounts
            if seen.rows is not None:
                counted[_table(name)] += seen.rows
            elif name.split("/")[0] in REWRITABLE:
                unread.add(name)
    found.problems += _unbalanced(lake, accounts, counted, files, unread)
    for root in (settings.published_dir, settings.live_dir, settings.operations_dir):
        found.problems += _problems_of_marts(root, found)
    return found


def digest(path: StoragePath) -> str:
    """SHA-256 of a file.

    Raises:
        StorageError: Object storage does not answer.
    """
    found = hashlib.sha256()
    with plain_errors(path), path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def is_record(name: str) -> bool:
    """Whether a file of the lake is the record of a load or a fetch."""
    return name.split("/")[0] in LOGS


def changes_of(lake: Lake) -> dict[str, str]:
    """The records of erasures and retention, relative to the lake → their SHA-256.

    While they are the same, no erasure and no retention has begun or ended.
    """
    return {
        f"{zone}/{path.name}": digest(path)
        for zone in CHANGES
        for path in files_below(lake.root / zone, "*.json")
    }


def losses(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What was in an earlier backup and is gone or different, as sentences.

    Args:
        before: File of the lake → its SHA-256, as of the earlier backup.
        now: The same of what is there now.
    """
    known = _comparable(before, _of_zones(now, CHANGES))
    gone = list(_gone(known, now, _Files(now)))
    # A proof alters the record of an erasure; none of them ever goes.
    changes = _of_zones(before, CHANGES)
    gone += [_is_gone(name) for name in sorted(changes.keys() - now.keys())]
    return gone + [_is_changed(n) for n in sorted(known) if n in now and now[n] != known[n]]


def missing_files(lake: Lake, committed: Iterable[str]) -> list[str]:
    """What records name and is not there, as sentences; records that are damaged, too.

    Args:
        lake: The lake.
        committed: Its committed files.
    """
    committed = list(committed)
    files = _Files(committed)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(partial(_record, lake), filter(is_record, committed)))
        found += pool.map(partial(_change, lake), filter(_is_change, committed))
    removed = _removed(lake)
    problems = [problem for seen in found for problem in seen.problems]
    for account in (account for seen in found for account in seen.accounts):
        may_be_gone = account.table[0] == "pages" and _is_old(account, removed)
        if files.holding(account.table, account.record_id) is None and not may_be_gone:
            problems.append(_missing(account))
    return problems


def _is_change(name: str) -> bool:
    return name.split("/")[0] in CHANGES


def _removed(lake: Lake) -> Mapping[tuple[str, Zone], tuple[str, int]]:
    """What retention removed; nothing where that cannot be read, which is a problem of its own."""
    try:
        return removed_rows(lake)
    except InventoryError as error:
        if error.is_transient:
            raise
        return {}


def _table(name: str) -> Table:
    zone, source, table = name.split("/")[:3]
    return zone, source, table


def _comparable(known: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    zones = (*LOGS, *REWRITABLE) if _of_zones(known, CHANGES) == changes else LOGS
    return _of_zones(known, zones)


def _of_zones(files: Mapping[str, str], zones: Collection[str]) -> dict[str, str]:
    return {name: sha for name, sha in files.items() if name.split("/")[0] in zones}


def _gone(known: Mapping[str, str], committed: Iterable[str], files: _Files) -> Iterator[str]:
    for name in sorted(set(known) - set(committed)):
        if is_record(name) or files.holding(_table(name), loads_in(name)[0]) is None:
            yield _is_gone(name)


def _is_gone(name: str) -> str:
    return f"{name} is gone; the newest backup has it."


def _is_changed(name: str) -> str:
    return f"{name} is not what it was in the newest backup."


def _look_at(lake: Lake, known: Mapping[str, str], name: str) -> _Seen:
    if is_record(name):
        seen = _record(lake, name)
    elif name.split("/")[0] in REWRITABLE:
        seen = _data(lake, name)
    else:
        return _change(lake, name) if _is_change(name) else _Seen()
    if name not in known:
        return seen
    is_same = digest(lake.root / name) == known[name]
    changed = () if is_same else (_is_changed(name),)
    return _Seen(
        (*changed, *seen.problems), seen.accounts, seen.rows_read, seen.rows, is_compared=True
    )


def _record(lake: Lake, name: str) -> _Seen:
    """What the record of a load or a fetch says."""
    log, source, table, file = name.split("/")
    record_id = PurePosixPath(file).stem
    try:
        if log == "fetches":
            store = PageStore(lake, source, table)
            pages = store.record(record_id).pages
            where = f"pages/{source}/{table}/ingest_date={lake.date_of(record_id)}"
            account = Account(
                name, record_id, ("pages", source, table), f"{where}/{record_id}.parquet", pages
            )
            return _Seen(accounts=(account,) if pages else ())
        path = lake.root / name
        with plain_errors(path):
            load = LoadRecord.from_json(path.read_text(encoding="utf-8"))
    except (InventoryError, UnicodeDecodeError) as error:
        # What cannot be reached is not damaged.
        if isinstance(error, InventoryError) and error.is_transient:
            raise
        return _Seen((f"{name} is damaged.",))
    written = load.rows_loaded + load.rows_vanished
    accounts = [
        Account(name, record_id, (zone, source, table), file, rows)
        for zone, file, rows in (
            ("raw", load.raw_file, written),
            ("quarantine", load.quarantine_file, load.rows_quarantined),
        )
        if file
    ]
    return _Seen(tuple(_wrong_sums(name, load, written)), tuple(accounts), load.rows_read)


def _change(lake: Lake, name: str) -> _Seen:
    """Whether the record of an erasure or of retention can be read."""
    try:
        CHANGES[name.split("/")[0]](lake.root / name)
    except InventoryError as error:
        if error.is_transient:
            raise
        return _Seen((f"{name} is damaged.",))
    return _Seen()


def _wrong_sums(name: str, load: LoadRecord, written: int) -> Iterator[str]:
    kept = load.rows_loaded + load.rows_quarantined + load.rows_deduplicated
    if load.rows_read != kept:
        yield f"{name}: {load.rows_read} rows were read, and {kept} are accounted for."
    if load.raw_file is None and written:
        yield f"{name} counts {written} rows and names no file."


def _data(lake: Lake, name: str) -> _Seen:
    """Rows of a file by the record that accounts for them."""
    zone = name.split("/")[0]
    rows: Counter[str] = Counter()

    def count(file: pq.ParquetFile) -> None:
        if zone == "pages":
            rows[PurePosixPath(name).stem] = file.metadata.num_rows
            return
        columns = ["_load_id"] if zone == "raw" else ["load_id", "event"]
        for batch in file.iter_batches(columns=columns):
            ids = batch.column(columns[0])
            if zone == "quarantine":
                ids = ids.filter(pc.equal(batch.column("event"), "rejected"))
            rows.update({v["values"]: v["counts"] for v in ids.value_counts().to_pylist()})

    problem = _unreadable(lake.root / name, count)
    return _Seen((f"{name}{problem}",)) if problem else _Seen(rows=rows)


def _unreadable(path: StoragePath, read: Callable[[pq.ParquetFile], Any]) -> str | None:
    try:
        with plain_errors(path), path.open("rb") as opened:
            read(pq.ParquetFile(opened))
    except (InventoryError, OSError, KeyError, pa.ArrowException) as error:
        if isinstance(error, InventoryError) and error.is_transient:
            digest(path)  # What cannot be reached is not damaged: then this raises.
        return f" cannot be read: {str(error).splitlines()[0]}"
    return None


def _unbalanced(
    lake: Lake,
    accounts: Iterable[Account],
    counted: Mapping[Table, Counter[str]],
    files: _Files,
    unread: Iterable[str],
) -> Iterator[str]:
    """Hold what records say against what is there."""
    removed, unread = _removed(lake), set(unread)
    short: dict[Table, list[tuple[Account, str, int]]] = defaultdict(list)
    told: dict[Table, set[str]] = defaultdict(set)
    for account in accounts:
        told[account.table].add(account.record_id)
        file = files.holding(account.table, account.record_id)
        has = counted.get(account.table, Counter())[account.record_id]
        if file in unread or (has == account.rows and file is not None):
            continue
        if file is None and not (account.table[0] == "pages" and _is_old(account, removed)):
            yield _missing(account)
        elif has > account.rows or not _is_old(account, removed):
            yield _wrong(file or account.file, account, has)
        else:
            short[account.table].append((account, file or account.file, has))
    for table, those in short.items():
        _, rows = removed[_retained(table)]
        # Retention explains as many as it removed, and no more.
        if sum(account.rows - has for account, _, has in those) > rows:
            yield from (_wrong(file, account, has) for account, file, has in those)
    for table, by_record in counted.items():
        for record_id in sorted(by_record.keys() - told[table]):
            yield (
                f"{'/'.join(table)} has {by_record[record_id]} rows that no record of "
                f"{record_id} accounts for."
            )


def _retained(table: Table) -> tuple[str, Zone]:
    zone, source, name = table
    return f"{source}__{name}", REWRITABLE[zone]


def _is_old(account: Account, removed: Mapping[tuple[str, Zone], tuple[str, int]]) -> bool:
    """Whether retention may have removed rows of this record."""
    before, _ = removed.get(_retained(account.table), ("", 0))
    return account.record_id < before


def _missing(account: Account) -> str:
    return f"{account.file} is missing; {account.record} names it."


def _wrong(file: str, account: Account, has: int) -> str:
    return f"{file}: {account.record_id} has {has} rows; {account.rows} are accounted for."


def _problems_of_marts(root: StoragePath, found: Integrity) -> Iterator[str]:
    try:
        published = current_publication(root)
    except (InventoryError, OSError, ValueError) as error:
        yield f"{current_link(root)}: {error}"
        return
    folder, rows = (published[0], published[1].rows) if published else (root, {})
    for mart, count in rows.items():
        found.files += 1
        path = folder / f"{mart}.parquet"
        files: list[pq.ParquetFile] = []
        if problem := _unreadable(path, files.append):
            yield f"{path}{problem}"
        elif (has := files[0].metadata.num_rows) != count:
            yield f"{path} has {has} rows; {count} are accounted for."
