"""Published versions of small marts, as destinations are given them. Helpers of the tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from inventory_platform import duck
from inventory_platform.object_storage import StoragePath
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.marts import Mart, MartColumn
from inventory_platform.publishing.parquet import Publication, current_publication, publish
from inventory_platform.settings import Settings
from tests.object_stores import ObjectStore

ORDERS = (
    "select i::bigint as id, date '2026-01-01' + i::integer as day, (i * 1.25)::decimal(18,4) as "
    "amount, 'L' || i % 3 as location_id from range(90) as r(i)"
)


def make_marts(con: duckdb.DuckDBPyConnection, marts: Mapping[str, str]) -> dict[str, Mart]:
    """Make marts, each given as a select, and say of them what a model would; `id` is the key."""
    con.execute("create schema marts")
    said = {}
    for name, select in marts.items():
        con.execute(f"create table marts.{name} as {select}")
        columns = [row[0] for row in con.execute(f"describe marts.{name}").fetchall()]
        described = {c: MartColumn(f"It's {c}.", is_required=False) for c in columns}
        said[name] = Mart(name, f"About {name}.", described, ("id",), frozenset())
    return said


def publish_made(
    root: StoragePath, con: duckdb.DuckDBPyConnection, marts: Iterable[str], keep: int
) -> Publication:
    """Publish marts that were made, as a run does."""
    return publish(
        root,
        con,
        keep=keep,
        marts=list(marts),
        run_id="run",
        code_version="1",
        loads={},
        inputs="",
    )


@dataclass
class Marts:
    """A folder of published marts, and what the models say of them."""

    settings: Settings
    known: dict[str, Mart] = field(default_factory=dict)

    def write(self, keys: dict[str, tuple[str, ...]] | None = None, **marts: str) -> Publication:
        """Publish marts, each given as a select; `id` is their key unless `keys` says another."""
        with duck.connect(self.settings) as con:
            made = make_marts(con, marts)
            self.known |= {n: replace(m, key=(keys or {}).get(n, m.key)) for n, m in made.items()}
            return publish_made(self.settings.published_dir, con, marts, keep=9)

    def send(self, entry: Entry, tell=None):
        folder, publication = current_publication(self.settings.published_dir)
        marts = [self.known[name] for name in publication.rows]
        told = {"tell": tell} if tell else {}
        return entry.open(self.settings).publish(folder, publication, marts, **told)


def marts_in_storage(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, data: Path, extensions: Path
) -> Marts:
    """Marts that are published to a folder of an object store."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    data.mkdir()
    (data / "duckdb_extensions").symlink_to(extensions)
    address = f"{store.address}/{uuid4().hex}"
    return Marts(Settings(data_dir=data, threads=1, published_address=address))


def written(report):
    """What was written: name and rows."""
    return [(sent.mart, sent.rows_written) for sent in report.sent if sent.parts_written]
