"""Dagster's SQLite files in processes that run the platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from inventory_platform.operations.run_storage import write_quickly
from inventory_platform.settings import PROJECT_DIR

NORMAL = 1


@pytest.fixture(autouse=True)
def quick() -> None:
    for _ in range(2):
        write_quickly()


def store(file: Path, statement: str = "create table events (body text)") -> None:
    """Store something as Dagster does: over a connection that is closed afterwards."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as con, con.begin():
        con.execute(text("pragma journal_mode = wal"))
        con.execute(text(statement))
    engine.dispose()


def open_files(folder: Path) -> set[str]:
    found = (link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists())
    return {path.name for path in found if path.parent == folder}


def test_commits_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'runs.db'}").connect() as con:
        assert con.execute(text("pragma synchronous")).scalar() == NORMAL


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_the_log_stays_between_two_events_and_files_of_earlier_runs_are_let_go(
    tmp_path: Path,
) -> None:
    store(tmp_path / "run.db")
    store(tmp_path / "run.db", "insert into events values ('asked for')")
    log = (tmp_path / "run.db-wal").stat()
    store(tmp_path / "run.db", "insert into events values ('started')")
    after = (tmp_path / "run.db-wal").stat()
    assert (after.st_ino, after.st_size > log.st_size) == (log.st_ino, True)
    for number in range(8):
        store(tmp_path / f"later-{number}.db")
    assert "run.db" not in open_files(tmp_path)
    assert "later-7.db" in open_files(tmp_path)
    store(tmp_path / "run.db", "insert into events values ('ended')")
    with create_engine(f"sqlite:///{tmp_path / 'run.db'}").connect() as con:
        found = con.execute(text("select body from events")).scalars().all()
    assert found == ["asked for", "started", "ended"]


def test_a_process_that_ends_leaves_no_log(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from inventory_platform.operations.run_storage import write_quickly\n"
        "from tests.test_run_storage import store\n"
        "write_quickly()\n"
        f"file = Path({str(tmp_path / 'run.db')!r})\n"
        "store(file)\n"
        "store(file, \"insert into events values ('started')\")\n"
        "assert file.with_name('run.db-wal').exists()\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run.db"]
