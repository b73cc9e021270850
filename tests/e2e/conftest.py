"""The whole platform on a small sandbox, run once; tests that change it work on a copy.

Tests that change it work on a smaller one: it reads the inventory database alone, knows no
models of other sources and no dbt tests. A run of it takes a fraction of the time.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from filelock import FileLock

from inventory_platform.assets.planning_rows import READ
from inventory_platform.settings import PROJECT_DIR, Settings

BIN = Path(sys.executable).parent
OTHER_SOURCES = (
    *("competitor_shop", "crm_sales", "data_jobs", "iot_devices", "linnworks", "model_cars"),
    *("northwind", "nvidia_prices", "pos_api", "shop_events", "shop_files", "world_indicators"),
)
LEFT_OUT = (
    # Whole folders of models, and the marts that only sum up the facts.
    *("anomalies", "customers", "hosted", "live", "planning", "pricing", "quality", "web", "kpi_*"),
    *("_exposures*.yml", "_unit_tests.yml"),
    # Models of the other sources stay, since the common models read them; what is said and tested
    # of them does not.
    *(f"stg_{source}__*.yml" for source in OTHER_SOURCES),
    *(f"*[a-z]__{source}.yml" for source in OTHER_SOURCES),
)
"""Files and folders of the dbt project that the inventory database alone does not need."""

CHANGES = """
update Products set UnitPrice = 99.5, UpdatedAt = '2026-10-01 09:00:00' where ProductID = 7;
delete from Customers where CustomerID = 3;
delete from Suppliers where SupplierID = 1;
insert into SalesTransactions values (500001, 5, 7, '2026-10-01 10:00:00', 2, 199.0, 'Card',
    '2026-10-01 10:00:00', '2026-10-01 10:00:00');
"""


@dataclass(frozen=True)
class Platform:
    """A data folder with its environment, and the commands a person would type."""

    data_dir: Path
    sources_file: Path = PROJECT_DIR / "sources.toml"
    dbt_dir: Path = PROJECT_DIR / "dbt_project"

    @property
    def settings(self) -> Settings:
        return Settings(
            data_dir=self.data_dir, sources_file=self.sources_file, dbt_dir=self.dbt_dir
        )

    @property
    def env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("INVENTORY_", "DAGSTER_"))}
        return kept | {
            "INVENTORY_DATA_DIR": str(self.data_dir),
            "INVENTORY_SOURCES_FILE": str(self.sources_file),
            "INVENTORY_DBT_DIR": str(self.dbt_dir),
            "PYTHONWARNINGS": "ignore",
        }

    def command(self, *arguments: str) -> list[str]:
        return [str(BIN / "inventory"), *arguments]

    def inventory(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.env | env,
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    def ok(self, *arguments: str) -> str:
        """Run a command that must succeed."""
        result = self.inventory(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def rows(self, sql: str) -> list[tuple]:
        """Read the published marts, the ledger or the raw tables as a person would."""
        import csv
        import io

        text = self.ok("query", sql, "--format", "csv")
        return [tuple(row) for row in csv.reader(io.StringIO(text))][1:]

    def published_version(self) -> str:
        return (self.settings.published_dir / "current").resolve().name

    def mart_contents(self) -> dict[str, tuple]:
        """A fingerprint of every published mart: rows and an order-free checksum."""
        folder = self.settings.published_dir / "current"
        con = duckdb.connect()
        return {
            path.stem: con.execute(
                f"select count(*), bit_xor(hash(t)), sum(hash(t) % 1000003) from '{path}' t"
            ).fetchone()
            for path in sorted(folder.glob("*.parquet"))
        }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, beside which another process makes what the others read."""
    items.sort(key=lambda item: item.path.name != "test_promise_5_last_known_good.py")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one run of the tests know."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def platform(shared_folder: Path) -> Platform:
    """The sandbox loaded, built, checked and published once. Read it, do not change it."""
    made = Platform(shared_folder / "platform")
    first_run = made.data_dir / "first_run.txt"
    with FileLock(shared_folder / "platform.lock"):
        if not first_run.exists():
            made.ok("sandbox", "generate", "--rows", "2000")
            first_run.write_text(made.ok("run"))
    return made


def keep_what_marts_are_made_of(dbt_dir: Path) -> None:
    """Remove models no mart and no plan is made of, and the tests of all others."""
    files = {path.stem: path for path in (dbt_dir / "models").rglob("*.sql")}
    waiting = [name for _, name in READ]
    waiting += [
        name
        for name, path in files.items()
        if "marts" in path.parts or path.parent.name == "inventory_db"
    ]
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in files and name not in needed:
            needed.add(name)
            waiting += referred_to(files[name])
    for name in files.keys() - needed:
        files[name].unlink()
        files[name].with_suffix(".yml").unlink(missing_ok=True)
    for test in (dbt_dir / "tests").glob("*.sql"):
        test.unlink()
    for described in (dbt_dir / "models").rglob("[!_]*.yml"):
        described.write_text(yaml.safe_dump(without_tests(yaml.safe_load(described.read_text()))))


def without_tests(described: Any) -> Any:
    """What a file of dbt says of models, less the tests."""
    if isinstance(described, dict):
        return {k: without_tests(v) for k, v in described.items() if k != "data_tests"}
    return [without_tests(v) for v in described] if isinstance(described, list) else described


def referred_to(file: Path) -> list[str]:
    return re.findall(r"ref\('(\w+)'\)", file.read_text())


@pytest.fixture(scope="session")
def small(shared_folder: Path) -> Platform:
    """The inventory database alone, loaded and built once. Copy it, do not change it."""
    folder = shared_folder / "small"
    made = Platform(folder / "data", folder / "sources.toml", folder / "dbt_project")
    is_made = folder / "made"
    with FileLock(shared_folder / "small.lock"):
        if not is_made.exists():
            make_small(made)
            is_made.touch()
    return made


def make_small(made: Platform) -> None:
    folder = made.dbt_dir.parent
    unwanted = shutil.ignore_patterns("target", "logs", *LEFT_OUT)
    for name in ("dbt_project", "seeds"):
        shutil.copytree(PROJECT_DIR / name, folder / name, ignore=unwanted)
    keep_what_marts_are_made_of(made.dbt_dir)
    made.sources_file.write_text(
        '[inventory_db]\naddress = "sqlite:///{data_dir}/sandbox/inventory.sqlite"\n'
    )
    made.ok("sandbox", "generate", "--rows", "2000")
    made.ok("run")


def copy_of(platform: Platform, folder: Path) -> Platform:
    """The same platform in another folder, where it may be changed."""
    data, home = folder / "data", platform.data_dir / "dagster"
    databases = shutil.ignore_patterns("*.db", "*.db-wal", "*.db-shm")
    shutil.copytree(platform.data_dir, data, symlinks=True, ignore=lambda at, names: (
        databases(at, names) if Path(at).is_relative_to(home) else ()
    ))  # fmt: skip
    # Another test may be looking at its pages, and then these change with every look.
    for file in home.rglob("*.db"):
        copy = data / file.relative_to(platform.data_dir)
        with (
            closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as held,
            closing(sqlite3.connect(copy)) as copied,
        ):
            held.backup(copied)
            copied.execute("pragma journal_mode = wal")
    return replace(platform, data_dir=folder / "data")


@pytest.fixture(scope="session")
def later(small: Platform, shared_folder: Path) -> Platform:
    """The small platform after a price, a customer, a supplier and a sale changed, and a run.

    It builds all months: older ones keep what they say of a product until then.
    """
    folder = shared_folder / "later"
    is_made = folder / "made"
    with FileLock(shared_folder / "later.lock"):
        if not is_made.exists():
            made = copy_of(small, folder)
            with closing(sqlite3.connect(made.settings.sandbox_database)) as db:
                db.executescript(CHANGES)
            made.ok("run", "--full")
            is_made.touch()
    return replace(small, data_dir=folder / "data")


@pytest.fixture
def changed(small: Platform, tmp_path: Path) -> Platform:
    """A copy of the small platform that a test may change."""
    return copy_of(small, tmp_path)
