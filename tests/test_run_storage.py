"""Dagster's SQLite files in processes that run the platform."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from inventory_platform.operations.run_storage import commit_without_waiting

NORMAL = 1


def test_commits_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    for _ in range(2):
        commit_without_waiting()
    with create_engine(f"sqlite:///{tmp_path / 'runs.db'}").connect() as con:
        assert con.execute(text("pragma synchronous")).scalar() == NORMAL
