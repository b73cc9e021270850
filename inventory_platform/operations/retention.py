"""How long data is kept: the rules of `retention.toml`, what they would remove, and removing it.

    raw          superseded versions of rows; the current version of every row always stays
    quarantine   rejected rows that were dealt with
    pages        what sources answered, once every table was read from it

Load records stay for ever: they are the ledger. A file is written anew under its own name, by one
rename, or left empty, so that no reader looks for one that is gone. Versions of published marts,
logs and Dagster's runs are counted by settings of their own. The cold form of files is made by
`compaction.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import InventoryError, SettingsError
from inventory_platform.landing.history import rows_as_declared
from inventory_platform.landing.lake import Lake, commit_text, place, remove
from inventory_platform.landing.pages import PageStore
from inventory_platform.landing.views import QUARANTINE_TYPES, empty_select, metadata_types
from inventory_platform.object_storage import StoragePath, files_below
from inventory_platform.record_format import RecordFormat
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings

Zone = Literal["history", "quarantine", "pages"]

RETENTION = "retention"
"""Folder of the lake with the records of what was removed."""

_PARQUET = "format parquet, compression zstd"

_PLACES = "filename = true, file_row_number = true"


class RetentionError(InventoryError):
    """A state was asked for of which rows were removed."""


class Rules(BaseModel):
    """Days that each zone is kept; what is not named is kept for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    history: PositiveInt | None = None
    quarantine: PositiveInt | None = None
    pages: PositiveInt | None = None


class Policy(BaseModel):
    """The rules of all tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Rules = Rules()
    sources: Mapping[str, Rules] = {}
    tables: Mapping[str, Rules] = {}

    def days(self, zone: Zone, source: str, relation: str | None = None) -> tuple[int, str] | None:
        """Days a zone is kept, and the rule that says so; None for ever."""
        rules = {
            f"tables.{relation}": self.tables.get(relation or ""),
            f"sources.{source}": self.sources.get(source),
            "default": self.default,
        }
        for name, rule in rules.items():
            days = getattr(rule, zone) if rule else None
            if days is not None:
                return days, f"{name}.{zone} = {days} days"
        return None


@dataclass(frozen=True)
class Kept:
    """What a rule says of one zone of a table or fetch.

    Attributes:
        name: The table, or the fetch.
        zone: The zone.
        why: The rule.
        before: Day before which things may go.
        files: Files with something that may go.
        rows: Rows that may go.
        bytes: Size of these files now.
        oldest: First day of what may go.
        newest: Last day of what may go.
    """

    name: str
    zone: Zone
    why: str
    before: date
    files: int
    rows: int
    bytes: int
    oldest: date | None
    newest: date | None


@dataclass(frozen=True)
class Removal:
    """The record of what one run of the rules removed.

    Attributes:
        applied_at: Instant of the last removal, naive UTC, ISO 8601.
        today: The day the rules counted from.
        removed: What went. While the run goes on, and where it was cut off, it is there still.
    """

    applied_at: str
    today: date
    removed: tuple[Kept, ...]


_RECORD = RecordFormat(Removal, "record of retention")


def read_policy(registry: Registry) -> Policy:
    """Read the rules.

    Raises:
        SettingsError: `retention.toml` is missing or wrong, or names what there is not.
    """
    path = registry.settings.retention_file
    try:
        policy = Policy.model_validate(tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(
            f"{path} cannot be used: {' '.join(str(error).split())[:300]}",
            "Write whole numbers of days as history, quarantine and pages.",
        ) from error
    sources = {contract.source for contract in registry.relations.values()}
    unknown = sorted({*policy.sources} - sources | {*policy.tables} - {*registry.relations})
    if unknown:
        raise SettingsError(
            f"{path} names what there is not: {', '.join(unknown)}.",
            "Name a source, or a table as <source>__<table>.",
        )
    return policy


def retain(
    registry: Registry,
    today: date,
    *,
    apply: bool,
    done: Callable[[str], None] = lambda _: None,
) -> list[Kept]:
    """Work out what may go by the rules, and remove it if that is wanted.

    Args:
        registry: The tables.
        today: The present day, UTC.
        apply: Whether it is removed.
        done: Told each table that is done.

    Returns:
        Every zone of every table in which something may go, or went.

    Raises:
        SettingsError: The rules are wrong.
        LandingError: A table is being loaded.
    """
    policy = read_policy(registry)
    record = _Record(registry, today) if apply else None
    found: list[Kept] = []
    for contract in registry.relations.values():
        found += _of_table(registry, contract, policy, today, record)
        done(contract.relation)
    for source in registry.sources.values():
        if source.is_fetched and (rule := policy.days("pages", source.name)):
            found += _of_pages(registry, source.name, rule, today, record)
    if record and found:
        record.keep()
    return found


def removed_rows(lake: Lake) -> dict[tuple[str, Zone], tuple[str, int]]:
    """What was removed: (table or fetch, zone) → the day before which, and rows at the most.

    The day is written as the ids of loads begin, `20260131`. A run that was cut off counts rows
    that are still there.

    Raises:
        InventoryError: A record is damaged, or of a later version of the platform.
    """
    found: dict[tuple[str, Zone], tuple[str, int]] = {}
    for kept in _removed(lake):
        before, rows = found.get((kept.name, kept.zone), ("", 0))
        day = f"{kept.before:%Y%m%d}"
        found[kept.name, kept.zone] = (max(before, day), rows + kept.rows)
    return found


def _removed(lake: Lake) -> Iterator[Kept]:
    """Everything that was removed, oldest run first."""
    for path in sorted(files_below(lake.root / RETENTION, "*.json"), key=str):
        yield from read_removal(path).removed


def read_removal(path: StoragePath) -> Removal:
    """The record of one run of the rules.

    Raises:
        InventoryError: It is damaged, or of a later version of the platform.
    """
    return _RECORD.read_file(path)


def require_history(settings: Settings, load_id: str) -> None:
    """Refuse the state after a load when rows it had were removed since.

    Raises:
        RetentionError: They were, or that is no load; names a table and the day.
        InventoryError: What was removed cannot be read.
    """
    try:
        day = Lake.date_of(load_id)
    except ValueError:
        raise RetentionError(
            f"{load_id!r} is not the id of a load.",
            "Ids look like 20260131T235900000000; `ops.loads` lists them.",
        ) from None
    for kept in _removed(Lake.of(settings)):
        if kept.zone == "history" and day < kept.before:
            raise RetentionError(
                f"History of {kept.name} before {kept.before} was removed ({kept.why}), so the "
                f"state after load {load_id} is not known any more.",
                f"Ask for a load from {kept.before} on.",
            )


def require_load(settings: Settings, load_id: str) -> None:
    """Refuse the state after a load that there never was.

    Raises:
        RetentionError: No table has such a load.
    """
    loads = files_below(Lake.of(settings).root / "loads", "*/*/*.json")
    if not any(path.stem == load_id for path in loads):
        raise RetentionError(
            f"There is no load {load_id}.", '`inventory query "from ops.loads"` lists them.'
        )


def _of_table(
    registry: Registry,
    contract: TableContract,
    policy: Policy,
    today: date,
    record: _Record | None,
) -> list[Kept]:
    settings = registry.settings
    lake = Lake.of(settings)
    if not lake.load_ids(contract):
        return []
    found: list[Kept] = []
    with (
        lake.lock(contract, settings.lock_timeout_seconds),
        lake.staging(contract) as folder,
        duck.connect(settings) as con,
    ):
        con.execute("set preserve_insertion_order = true")
        zones: dict[Zone, Callable[..., str]] = {
            "history": _superseded, "quarantine": _dealt_with,
        }  # fmt: skip
        for zone, doomed in zones.items():
            rule = policy.days(zone, contract.source, contract.relation)
            files = lake.paths("raw" if zone == "history" else "quarantine", contract)
            if rule is None or not files:
                continue
            before = today - timedelta(days=rule[0])
            con.execute(
                "create or replace temp table doomed as "
                f"{doomed(con, contract, files, before.strftime('%Y%m%d'))}"
            )
            by_name = {str(path): path for path in files}
            kept = _described(con, contract.relation, zone, rule[1], before, by_name)
            if kept.rows and record:
                record.keep(kept)
                _remove(con, folder, by_name)
                # What a merged file replaced would bring the rows back to whoever reads it.
                for path in lake.covered("raw" if zone == "history" else "quarantine", contract):
                    remove(path)
            if kept.rows:
                found.append(kept)
    return found


def _superseded(
    con: duckdb.DuckDBPyConnection,
    contract: TableContract,
    files: Sequence[StoragePath],
    before: str,
) -> str:
    """SQL of the rows that were not the current version of theirs any more on a day."""
    identity = ", ".join(identifier(name) for name in contract.identity)
    newest = f"{identifier(contract.cursor)} desc nulls last, " if contract.cursor else ""
    types = {c.name: c.type for c in contract.columns} | metadata_types(contract)
    return (
        "select filename, file_row_number, _load_id as load_id from (select *, row_number() over "
        f"(partition by {identity} order by {newest}_load_id desc) as _version "
        f"from ({empty_select(types)} union all by name "
        f"{rows_as_declared(con, contract, [str(f) for f in files], options=_PLACES)}) "
        f"where _load_id < {literal(before)}) where _version > 1"
    )


def _dealt_with(
    con: duckdb.DuckDBPyConnection,
    contract: TableContract,
    files: Sequence[StoragePath],
    before: str,
) -> str:
    """SQL of the events of rejected rows that were dealt with before a day.

    The rejection goes with the event that dealt with it, or neither.
    """
    del con, contract
    rows = parquet(*files, by_name=True, options=_PLACES)
    events = f"({empty_select(QUARANTINE_TYPES)} union all by name from {rows})"
    return (
        f"select filename, file_row_number, load_id from {events} where reject_id in (select "
        f"reject_id from {events} group by all having max(load_id) < {literal(before)} "
        "and count(*) filter (event <> 'rejected') > 0)"
    )


def _described(
    con: duckdb.DuckDBPyConnection,
    name: str,
    zone: Zone,
    why: str,
    before: date,
    by_name: Mapping[str, StoragePath],
) -> Kept:
    rows, oldest, newest = con.execute(
        "select count(*), min(load_id), max(load_id) from doomed"
    ).fetchall()[0]
    files = [by_name[f] for (f,) in con.execute("select distinct filename from doomed").fetchall()]
    return Kept(
        name=name,
        zone=zone,
        why=why,
        before=before,
        files=len(files),
        rows=rows,
        bytes=sum(path.stat().st_size for path in files),
        oldest=Lake.date_of(oldest) if oldest else None,
        newest=Lake.date_of(newest) if newest else None,
    )


def _remove(
    con: duckdb.DuckDBPyConnection, folder: Path, by_name: Mapping[str, StoragePath]
) -> None:
    """Write each file with doomed rows anew without them; each alone leaves a sound state."""
    for (name,) in con.execute("select distinct filename from doomed order by all").fetchall():
        path = by_name[name]
        staged = folder / path.name
        con.execute(
            "copy (select * exclude (file_row_number) from "
            f"{parquet(name, options='file_row_number = true')} where file_row_number not in "
            f"(select file_row_number from doomed where filename = {literal(name)})) "
            f"to {literal(str(staged))} ({_PARQUET})"
        )
        place(staged, path)


def _of_pages(
    registry: Registry,
    source: str,
    rule: tuple[int, str],
    today: date,
    record: _Record | None,
) -> Iterator[Kept]:
    lake = Lake.of(registry.settings)
    before = today - timedelta(days=rule[0])
    reader = registry.page_reader(registry.sources[source])
    for fetch in reader.fetches:
        store = PageStore(lake, source, fetch)
        tables = [
            contract
            for contract in registry.of_source(source).values()
            if reader.fetch_of(contract.source_table) == fetch
        ]
        last = [lake.last_record(contract) for contract in tables]
        read_to = min((r.resume or "" if r else "" for r in last), default="")
        with lake.lock_named(
            f"pages.{store.name}", f"Fetch {store.name}", registry.settings.lock_timeout_seconds
        ):
            kept = [i for i in store.ids() if store.file(i).exists()]
            old = [i for i in kept[:-1] if i <= read_to and Lake.date_of(i) < before]
            if not old:
                continue
            found = Kept(
                name=store.name,
                zone="pages",
                why=rule[1],
                before=before,
                files=len(old),
                rows=sum(store.record(i).pages for i in old),
                bytes=sum(store.file(i).stat().st_size for i in old),
                oldest=Lake.date_of(old[0]),
                newest=Lake.date_of(old[-1]),
            )
            if record:
                record.keep(found)
                for fetch_id in old:
                    remove(store.file(fetch_id))
            yield found


class _Record:
    """What is removed, when and by which rule; it stands before anything goes."""

    def __init__(self, registry: Registry, today: date) -> None:
        began = datetime.now(UTC)
        self._path = Lake.of(registry.settings).root / RETENTION / f"{began:%Y%m%dT%H%M%S%f}.json"
        self._today = today
        self._removed: list[Kept] = []

    def keep(self, *kept: Kept) -> None:
        """Keep what is about to be removed; without anything, that all of it is gone."""
        self._removed += kept
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
        removal = Removal(now, self._today, tuple(self._removed))
        commit_text(self._path, _RECORD.write(removal))
