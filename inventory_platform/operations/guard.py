"""Ends what a killed supervisor leaves behind; a program of its own, without any import of ours.

It reads from its standard input which process groups there are, one line for each change. The
input ends when the supervisor does, however that happens; then the groups are ended too. A
supervisor that ends in order leaves no groups, and the guard has nothing to do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

_GRACE_SECONDS = 5.0


def end_groups(
    groups: list[int],
    grace: float = _GRACE_SECONDS,
    reap: Callable[[], None] = lambda: None,
) -> None:
    """Ask process groups to end, and kill what is left of them after a while.

    Args:
        groups: Their ids.
        grace: Seconds they have.
        reap: Takes note of children that ended; until then their group exists.
    """
    _send(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        reap()
        groups = [group for group in groups if _exists(group)]
    _send(groups, signal.SIGKILL)


def _send(groups: list[int], what: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, what)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    left: list[int] = []
    for line in sys.stdin:
        left = [int(group) for group in line.split()]
    end_groups(left)
