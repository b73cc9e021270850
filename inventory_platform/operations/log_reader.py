"""Reading the structured logs again: which lines, oldest first, and new ones as they come.

A line that is not what `logs.py` writes, such as the last one of a process that was killed,
is counted and left out.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from inventory_platform.errors import InventoryError

_POLL_SECONDS = 0.5
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Filter:
    """Which lines are wanted; what is None or the lowest asks for nothing.

    Attributes:
        run: Beginning of the run's id.
        asset: The asset, such as `raw/inventory_db__products`.
        level: Least severe level.
        since: Earliest instant, UTC.
    """

    run: str | None = None
    asset: str | None = None
    level: int = logging.NOTSET
    since: datetime | None = None

    def wants(self, line: dict[str, Any]) -> bool:
        """Whether a line is one of them."""
        if self.run is not None and not str(line.get("run_id") or "").startswith(self.run):
            return False
        if self.asset is not None and line.get("asset") != self.asset:
            return False
        if level_of(line["level"]) < self.level:
            return False
        return self.since is None or datetime.fromisoformat(line["timestamp"]) >= self.since


def level_of(name: str) -> int:
    """The number of a level's name.

    Raises:
        InventoryError: There is no such level.
    """
    levels = logging.getLevelNamesMapping()
    if name.upper() not in levels:
        raise InventoryError(
            f"There is no level {name!r}.", "Use DEBUG, INFO, WARNING, ERROR or CRITICAL."
        )
    return levels[name.upper()]


def since(text: str, now: datetime) -> datetime:
    """The instant so long ago, such as `30m`, `2h` or `7d`; or the instant written in ISO 8601.

    Raises:
        InventoryError: It is neither.
    """
    try:
        if found := re.fullmatch(r"(\d+)([smhd])", text):
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InventoryError(
            f"{text!r} is no length of time, or longer than there were any.",
            "Write 30m, 2h, 7d, or an instant in UTC.",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class LogReader:
    """Reads the lines of files.

    Attributes:
        damaged: How many lines could not be read so far.
    """

    def __init__(self, wanted: Filter) -> None:
        self.damaged = 0
        self._wanted = wanted

    def read(self, files: Iterable[Path]) -> Iterator[dict[str, Any]]:
        """The wanted lines of these files, in their order."""
        for path in files:
            with path.open("rb") as file:
                yield from self._lines(file)

    def follow(self, path: Path, stop: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """The wanted lines that are appended from now on, also after the file was replaced.

        Args:
            path: The file with the newest lines.
            stop: Asked between looks; ends it.
        """
        file = path.open("rb") if path.exists() else None
        if file:
            file.seek(0, 2)
        rest = b""
        while not stop():
            if file is None:
                file = path.open("rb") if path.exists() else None
            if file is not None:
                # A line that is being written has no end yet.
                *whole, rest = (rest + file.read()).split(b"\n")
                yield from self._lines(whole)
                if _is_replaced(path, file):
                    *whole, rest = (rest + file.read()).split(b"\n")
                    yield from self._lines(whole)
                    file.close()
                    file, rest = None, b""
                    continue
            time.sleep(_POLL_SECONDS)
        if file is not None:
            file.close()

    def _lines(self, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        for text in lines:
            if not text.strip():
                continue
            try:
                line = json.loads(text)
                is_wanted = self._wanted.wants(line)
            except (ValueError, TypeError, KeyError, AttributeError, InventoryError):
                self.damaged += 1
                continue
            if is_wanted:
                yield line


def _is_replaced(path: Path, file: BinaryIO) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
