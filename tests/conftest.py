"""What several test modules share: a small shop in SQLite, loaded into a lake of its own.

Contracts and helpers only; what is promised stands in the test modules.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from inventory_platform import duck
from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    TableContract,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.replay import Replayed, replay
from inventory_platform.landing.views import create_views, current_select
from inventory_platform.settings import Settings
from inventory_platform.sources.sqlite import SqliteReader
from tests.object_stores import ObjectStore, azurite, moto_server


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case with bytes after its argument: archives hold the time they were made at.

    Every worker collects by itself, and all must collect the same names.
    """
    return argname if isinstance(val, bytes) else None


class Items(Contract):
    """Things on the shelf: a snapshot with a key."""

    item_id: Integer = column("ItemID", "Identifies the item.")
    name: Text = column("Name", "Name.")
    price: Money = column("Price", "Price.", nullable=True, ge=0)

    class Config:
        metadata = table("Items", key=["item_id"])


class Events(Contract):
    """What happened: read from the cursor on."""

    event_id: Integer = column("EventID", "Identifies the event.")
    amount: Integer = column("Amount", "Amount.", nullable=True)
    changed_at: Timestamp = column("ChangedAt", "Last change.")

    class Config:
        metadata = table("Events", key=["event_id"], cursor="changed_at")


class Notes(Contract):
    """Rows without identity: equal ones are counted."""

    word: Text = column("Word", "A word.")
    amount: Integer = column("Amount", "Amount.", nullable=True)

    class Config:
        metadata = table("Notes")


ITEMS = {"ItemID": "INTEGER", "Name": "TEXT", "Price": "DECIMAL(18,2)"}
EVENTS = {"EventID": "INTEGER", "Amount": "INTEGER", "ChangedAt": "TIMESTAMP"}
NOTES = {"Word": "TEXT", "Amount": "INTEGER"}
_SHAPES = {"Items": ITEMS, "Events": EVENTS, "Notes": NOTES}


@dataclass
class Shop:
    """A SQLite database and the lake it is loaded into."""

    folder: Path
    settings: Settings

    @property
    def database(self) -> Path:
        return self.folder / "shop.sqlite"

    @property
    def lake(self) -> Lake:
        return Lake.of(self.settings)

    def write(
        self, name: str, rows: Sequence[Sequence[Any]], columns: dict[str, str] | None = None
    ) -> None:
        """Replace a table."""
        declared = columns or _SHAPES[name]
        quoted = duck.identifier(name)
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute(f"drop table if exists {quoted}")
            listed = ", ".join(f"{duck.identifier(n)} {kind}" for n, kind in declared.items())
            db.execute(f"create table {quoted} ({listed})")
            db.executemany(f"insert into {quoted} values ({', '.join('?' * len(declared))})", rows)

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute(statement)

    def load(self, contract: TableContract, now: datetime | None = None) -> LoadRecord:
        loader = Loader(self.settings, SqliteReader(str(self.database)), address="sqlite")
        return loader.load(contract, now=now)

    def replay(self, contract: TableContract) -> Replayed | None:
        return replay(self.settings, contract)

    def query(self, contract: TableContract, sql: str, as_of: str | None = None) -> list[Any]:
        """Ask the views; `{raw}` stands for the table's relation, in clear."""
        with duck.connect(self.settings) as con:
            create_views(con, self.lake, [contract], as_of)
            return con.sql(sql.format(raw=contract.clear_relation)).fetchall()

    def current(self, contract: TableContract) -> list[Any]:
        """The present rows in the contract's columns, sorted."""
        names = ", ".join(duck.identifier(c.name) for c in contract.columns)
        with duck.connect(self.settings) as con:
            return con.sql(
                f"select {names} from ({current_select(con, self.lake, contract)}) "
                "where not _is_deleted order by all"
            ).fetchall()

    def versions(self, contract: TableContract) -> list[Any]:
        """Every version of every row, sorted, without what differs between loads."""
        names = ", ".join(duck.identifier(c.name) for c in contract.columns)
        return self.query(contract, f"select {names}, _is_deleted from {{raw}} order by all")

    def rejects(self, contract: TableContract) -> list[Any]:
        """Position and reason code of every quarantined row."""
        return self.query(
            contract, "select position, reason_code from ops.quarantine order by position, 2"
        )

    def files(self) -> list[str]:
        """Every file below the lake that a load may leave."""
        root = self.settings.lake_dir
        return sorted(
            str(p.relative_to(root))
            for p in root.rglob("*")
            if p.is_file() and ".locks" not in p.parts
        )


@contextmanager
def _open_shop(extensions: Path, **options: Any) -> Iterator[Shop]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        # Installing an extension copies a large file: once for all tests is enough.
        (data / "duckdb_extensions").symlink_to(extensions)
        yield Shop(folder, Settings(data_dir=data, threads=1, **options))


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extensions")


@pytest.fixture(scope="session")
def open_shop(extensions: Path) -> Callable[..., AbstractContextManager[Shop]]:
    """A new shop for each example of a property."""

    def opened(**options: Any) -> AbstractContextManager[Shop]:
        return _open_shop(extensions, **options)

    return opened


@pytest.fixture
def shop(extensions: Path) -> Iterator[Shop]:
    with _open_shop(extensions) as opened:
        yield opened


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3 store, for all tests of a process: each uses a folder of its own."""
    with moto_server(tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An Azure blob store, for all tests of a process: each uses a folder of its own."""
    with azurite(tmp_path_factory.mktemp("azure")) as store:
        yield store


@pytest.fixture(params=["s3", "azure"])
def object_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """One after the other, with the variables set that reach it."""
    store: ObjectStore = request.getfixturevalue(request.param)
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store


@pytest.fixture(scope="session")
def items() -> TableContract:
    return describe(Items, "shop")


@pytest.fixture(scope="session")
def events() -> TableContract:
    return describe(Events, "shop")


@pytest.fixture(scope="session")
def notes() -> TableContract:
    return describe(Notes, "shop")


def _equation(record: LoadRecord) -> bool:
    kept = record.rows_loaded + record.rows_quarantined + record.rows_deduplicated
    return record.rows_read == kept


@pytest.fixture(scope="session")
def adds_up() -> Callable[[LoadRecord], bool]:
    """Whether every row read is accounted for."""
    return _equation
