"""How Dagster's own SQLite files are written: what speeds them up and loses nothing it may not.

Where they lie and what else is set for them is `dagster.yaml`.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


def commit_without_waiting() -> None:
    """Let commits to SQLite files of this process not wait for the disk, from now on.

    A run commits its events one by one, thousands of them. In SQLite's write-ahead log a commit
    that does not wait survives the death of the process; a power cut may take the last moments of
    the run's log, never its consistency. No data of the platform lies in these files.
    """
    if not event.contains(Engine, "connect", _relax):
        event.listen(Engine, "connect", _relax)


def _relax(connection: Any, record: Any) -> None:
    del record
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = normal")
