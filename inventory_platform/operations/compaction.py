"""Many small files of a table become few, without changing a row: the lake's tidying up.

    <load_id>.parquet, <load_id>.parquet, …  ──▶  <first>-<last>.parquet

Files of a past day are merged into one, those of a past month once more, at a stronger
compression: that is the cold form of the raw zone, which every reader reads like any other. The
rename of the merged file is the one commit point, because a file whose loads lie in another
one's is not looked at any more (`landing/lake.py`). What was merged stays until the next
compaction, for readers that are slow. Load records are left alone. How long rows are kept is
`retention.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import columns_of, identifier, literal, parquet
from inventory_platform.errors import LandingError
from inventory_platform.landing.lake import Lake, loads_in, place, remove
from inventory_platform.object_storage import StoragePath
from inventory_platform.registry import Registry
from inventory_platform.warehouse import only_run, refresh

Zone = Literal["raw", "quarantine"]
_ZONES: tuple[Zone, ...] = ("raw", "quarantine")

_LARGE_BYTES = 64 << 20
"""From here on merging gains nothing: a reader takes such a file in pieces anyhow."""

_DAY = "format parquet, compression zstd, compression_level 3"
_MONTH = "format parquet, compression zstd, compression_level 9"

_ORDER = {"raw": "_load_id", "quarantine": "load_id, position"}


@dataclass(frozen=True)
class Compacted:
    """What became of one zone of one table.

    Attributes:
        relation: The table.
        zone: The zone.
        merged: Files that were merged.
        into: Files they were merged into.
        removed: Files that an earlier compaction had merged, and that are gone now.
    """

    relation: str
    zone: Zone
    merged: int
    into: int
    removed: int


def compact(
    registry: Registry, today: date, done: Callable[[str], None] = lambda _: None
) -> list[Compacted]:
    """Merge the small files of every table; the warehouse reads the merged ones from then on.

    Args:
        registry: The tables.
        today: The present day, UTC; its files are left alone.
        done: Told each table that is done.

    Returns:
        Zones of tables in which something changed.

    Raises:
        WarehouseError: Another run is writing.
        LandingError: A table is being loaded, or a merged file is not what it was made of.
    """
    settings = registry.settings
    results: list[Compacted] = []
    with only_run(settings, settings.lock_timeout_seconds):
        # The warehouse's views name files: they are made anew before any of these goes away.
        _refresh(registry)
        for contract in registry.relations.values():
            results += compact_table(registry, contract, today)
            done(contract.relation)
        _refresh(registry)
    return results


def compact_table(registry: Registry, contract: TableContract, today: date) -> list[Compacted]:
    """Merge the small files of one table; see `compact`."""
    settings = registry.settings
    lake = Lake.of(settings)
    if not lake.load_ids(contract):
        return []
    results = []
    with (
        lake.lock(contract, settings.lock_timeout_seconds),
        lake.staging(contract) as folder,
        duck.connect(settings) as con,
    ):
        lake.sweep(contract)
        for zone in _ZONES:
            covered = lake.covered(zone, contract)
            for path in covered:
                remove(path)
            runs = list(_runs(con, lake.paths(zone, contract), today))
            for period, files in runs:
                _merge(con, lake, contract, zone, period, files, folder)
            if covered or runs:
                merged = sum(len(files) for _, files in runs)
                results.append(Compacted(contract.relation, zone, merged, len(runs), len(covered)))
    return results


def _refresh(registry: Registry) -> None:
    if registry.settings.warehouse_file.exists():
        refresh(registry.settings, registry.relations)


def _runs(
    con: duckdb.DuckDBPyConnection, files: Sequence[StoragePath], today: date
) -> Iterator[tuple[str, list[StoragePath]]]:
    """Neighbouring files that become one, each run with its period: a day, or a month.

    A column that has two types among the files of a run would be read as a third one, so a run
    ends before such a file; and before and after a large one.
    """
    types = _types(con, files)
    period, run, shape = "", list[StoragePath](), dict[str, str]()
    for path in files:
        its = _period(path, today)
        fits = all(shape.get(name, kind) == kind for name, kind in types[path.name].items())
        is_large = path.stat().st_size >= _LARGE_BYTES
        if its != period or not fits or is_large:
            if len(run) > 1:
                yield period, run
            period, run, shape = its, [], {}
        if its and not is_large:
            run.append(path)
            shape |= types[path.name]
    if len(run) > 1:
        yield period, run


def _period(file: StoragePath, today: date) -> str:
    """The past month or day all loads of a file belong to; empty while it is going on."""
    first, last = (Lake.date_of(load_id) for load_id in loads_in(file))
    this_month = today.replace(day=1)
    if last < this_month:
        return f"{first:%Y-%m}"
    return f"{first}" if last < today else ""


def _types(
    con: duckdb.DuckDBPyConnection, files: Sequence[StoragePath]
) -> dict[str, dict[str, str]]:
    """File → column → type as written."""
    found: dict[str, dict[str, str]] = {path.name: {} for path in files}
    if not files:
        return found
    listed = ", ".join(literal(str(path)) for path in files)
    rows = con.execute(
        "select parse_filename(file_name), name, concat_ws(' ', type, converted_type, "
        f"logical_type, scale, precision) from parquet_schema([{listed}]) "
        "where num_children is null"
    ).fetchall()
    for file, name, kind in rows:
        found[file][name] = kind
    return found


def _merge(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: TableContract,
    zone: Zone,
    period: str,
    files: Sequence[StoragePath],
    folder: Path,
) -> None:
    span = f"{loads_in(files[0])[0]}-{loads_in(files[-1])[1]}"
    staged = folder / f"{zone}.{span}.parquet"
    rows = parquet(*files, by_name=True)
    is_month = len(period) == len("2026-01")
    con.execute(
        f"copy (select * from {rows} order by {_ORDER[zone]}) to {literal(str(staged))} "
        f"({_MONTH if is_month else _DAY})"
    )
    if _content(con, rows) != _content(con, parquet(staged)):
        raise LandingError(
            f"Merging files of {contract.relation} changed their rows.",
            "This is a defect of the platform: please report it. The files stay as they were.",
        )
    place(staged, lake.root / lake.target(zone, span, contract))


def _content(con: duckdb.DuckDBPyConnection, rows: str) -> list[tuple[object, ...]]:
    """How many rows there are, and a sum over all their values."""
    listed = ", ".join(map(identifier, sorted(columns_of(con, f"select * from {rows}"))))
    return con.execute(
        f"select count(*), sum(cast(hash({listed}) as hugeint)) from {rows}"
    ).fetchall()
