"""Whether what is kept is whole: records, the files they name, and their row counts.

Reads everything and changes nothing. Whether rows are right is the business of contracts and
checks; here it is only that none is missing and no file is damaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.pages import PageStore
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings

_CHUNK = 1 << 20

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
class Named:
    """A file that a record names.

    Attributes:
        record: The record's file.
        file: The file named, relative to the lake.
        rows: Rows it has to have.
        event: Count rows of this event only.
    """

    record: str
    file: str
    rows: int
    event: str | None = None


def check_integrity(
    settings: Settings,
    known: Mapping[str, str] | None = None,
    on_progress: Progress = unheard,
) -> Integrity:
    """Check the lake and the published marts.

    Args:
        settings: Where they are.
        known: File that never changes, relative to the lake → its SHA-256, as of a backup.
        on_progress: Told about each file.
    """
    lake = Lake(settings.lake_dir)
    committed, uncommitted = lake.contents()
    found = Integrity(files=len(committed), uncommitted=uncommitted)
    there, known = set(committed), known or {}
    gone = sorted(set(known) - there)
    found.problems += [f"{name} is gone; the newest backup has it." for name in gone]
    for done, name in enumerate(committed, start=1):
        on_progress(done, len(committed))
        if name in known:
            found.compared += 1
            if digest(lake.root / name) != known[name]:
                found.problems.append(f"{name} is not what it was in the newest backup.")
        if is_record(name):
            found.records += 1
            found.problems += _problems_of_record(lake, name, there, found)
    for root in (settings.published_dir, settings.live_dir, settings.operations_dir):
        found.problems += _problems_of_marts(root, found)
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def is_record(name: str) -> bool:
    """Whether a file of the lake is the record of a load or a fetch."""
    return PurePosixPath(name).parts[0] in ("loads", "fetches")


def named_by(lake: Lake, record: str) -> list[Named]:
    """The files that a record names.

    Raises:
        InventoryError: The record is damaged.
    """
    log, source, name, file = PurePosixPath(record).parts
    if log == "fetches":
        store = PageStore(lake, source, name)
        pages = store.record(PurePosixPath(file).stem)
        path = store.file(pages.fetch_id).relative_to(lake.root).as_posix()
        return [Named(record, path, pages.pages)] if pages.pages else []
    return list(_named_by_load(record, _load(lake, record)))


def _load(lake: Lake, record: str) -> LoadRecord:
    return LoadRecord.from_json((lake.root / record).read_text(encoding="utf-8"))


def _named_by_load(record: str, load: LoadRecord) -> Iterator[Named]:
    if load.raw_file:
        yield Named(record, load.raw_file, load.rows_loaded + load.rows_vanished)
    if load.quarantine_file:
        yield Named(record, load.quarantine_file, load.rows_quarantined, "rejected")


def missing_files(lake: Lake, committed: Iterable[str]) -> list[str]:
    """What records name and is not there, as sentences; damaged records too.

    Args:
        lake: The lake.
        committed: Its committed files.
    """
    committed = list(committed)
    there = set(committed)
    problems = []
    for name in filter(is_record, committed):
        try:
            named = named_by(lake, name)
        except (InventoryError, UnicodeDecodeError):
            problems.append(f"{name} is damaged.")
        else:
            problems += [_missing(n) for n in named if n.file not in there]
    return problems


def _missing(named: Named) -> str:
    return f"{named.file} is missing; {named.record} names it."


def _problems_of_record(lake: Lake, name: str, there: set[str], found: Integrity) -> Iterator[str]:
    try:
        named = named_by(lake, name)
        load = _load(lake, name) if name.startswith("loads/") else None
    except (InventoryError, UnicodeDecodeError):
        yield f"{name} is damaged."
        return
    if load is not None:
        found.rows += load.rows_read
        kept = load.rows_loaded + load.rows_quarantined + load.rows_deduplicated
        if load.rows_read != kept:
            yield f"{name}: {load.rows_read} rows were read, and {kept} are accounted for."
        if load.raw_file is None and load.rows_loaded + load.rows_vanished:
            yield f"{name} counts {load.rows_loaded + load.rows_vanished} rows and names no file."
    for each in named:
        if each.file not in there:
            yield _missing(each)
        elif problem := _wrong_rows(lake.root / each.file, each.rows, each.event):
            yield f"{each.file}{problem}"


def _problems_of_marts(root: Path, found: Integrity) -> Iterator[str]:
    try:
        published = current_publication(root)
    except (InventoryError, OSError, ValueError) as error:
        yield f"{root / 'current'}: {error}"
        return
    folder, rows = (published[0], published[1].rows) if published else (root, {})
    for mart, count in rows.items():
        found.files += 1
        if problem := _wrong_rows(folder / f"{mart}.parquet", count, None):
            yield f"{folder / mart}.parquet{problem}"


def _wrong_rows(file: Path, rows: int, event: str | None) -> str | None:
    try:
        if event is None:
            has = pq.read_metadata(str(file)).num_rows
        else:
            events = pq.read_table(str(file), columns=["event"], partitioning=None)["event"]
            has = pc.sum(pc.equal(events, event)).as_py() or 0
    except (OSError, pa.ArrowException) as error:
        return f" cannot be read: {str(error).splitlines()[0]}"
    return None if has == rows else f" has {has} rows; {rows} are accounted for."
