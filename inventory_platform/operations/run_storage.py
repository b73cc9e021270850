"""How Dagster's own SQLite files are written: what speeds them up and loses nothing it may not.

A run stores its events one by one, thousands of them, each over connections of its own. Where the
files lie and what else is set for them is `dagster.yaml`.
"""

from __future__ import annotations

import atexit
import sqlite3
from collections import OrderedDict
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

_MOST_HELD = 8
"""A run writes to four files: runs, the index of events, its own events, schedules."""

_held: OrderedDict[str, sqlite3.Connection] = OrderedDict()


def write_quickly() -> None:
    """Speed up what this process writes to SQLite files, from now on.

    Commits do not wait for the disk: in SQLite's write-ahead log they survive the death of the
    process; a power cut may take the last moments of the run's log, never its consistency. No
    data of the platform lies in these files. And one connection to each file stays open, as
    whoever closes the last one has to empty that log and remove it, after every single event.
    """
    if not event.contains(Engine, "connect", _relax):
        event.listen(Engine, "connect", _relax)
        atexit.register(_let_go)


def _let_go() -> None:
    """Close what is held, so that files that are copied afterwards are whole by themselves."""
    while _held:
        _held.popitem()[1].close()


def _relax(connection: Any, record: Any) -> None:
    del record
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = normal")
        _hold(connection.execute("pragma database_list").fetchone()[2])


def _hold(file: str) -> None:
    if not file:
        return
    if file not in _held:
        _held[file] = sqlite3.connect(file, timeout=60, check_same_thread=False)
    _held.move_to_end(file)
    # Only a connection that has read something since there is a log has the log open.
    _held[file].execute("select count(*) from sqlite_master").fetchall()
    if len(_held) > _MOST_HELD:
        _held.popitem(last=False)[1].close()
