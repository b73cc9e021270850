"""Addresses of the sandbox's servers, which are started when somebody asks for them.

A source whose address says `{sandbox_linnworks}` is served by a process of its own on a free
loopback port. It is started at the first use and ends with the process that started it, also
when that is killed: the child ends when its standard input is closed.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading

from inventory_platform.errors import (
    InventoryError,
    SandboxUnavailableError,
    SettingsError,
    SourceError,
)
from inventory_platform.settings import Settings

_STOP_SECONDS = 10
_FAILURES: dict[int, type[InventoryError]] = {
    2: SettingsError,  # no such server
    3: SandboxUnavailableError,  # a program is missing
}
_started: dict[tuple[str, str], tuple[subprocess.Popen[str], str]] = {}
_turn = threading.Lock()


def sandbox_address(settings: Settings, name: str) -> str:
    """The `host:port` of a server of the sandbox, started if this process has none yet.

    Raises:
        SettingsError: The sandbox has no such server.
        SandboxUnavailableError: It needs a program that this machine does not have.
        SourceError: It cannot be started; says why.
    """
    key = (str(settings.data_dir), name)
    with _turn:
        running = _started.get(key)
        if running is None or running[0].poll() is not None:
            _started[key] = running = _start(settings, name)
        return running[1]


def _start(settings: Settings, name: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "inventory_platform.sandbox.serve"),
            *(name, str(settings.data_dir), str(settings.sandbox_traffic)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is meant for us: what we read from is needed to the end.
        start_new_session=True,
    )
    if process.stdout is None or process.stderr is None:
        raise RuntimeError("a pipe was asked for")
    address = process.stdout.readline().strip()
    if not address:
        complaint = (process.stderr.read().strip() or "It gave no reason.").splitlines()[-1]
        process.wait()
        kind = _FAILURES.get(process.returncode, SourceError)
        raise kind(*complaint.split("\t", 1))
    # What it says later is of no interest, and an unread pipe would fill up.
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process, address


def stop_sandbox() -> None:
    """Stop every server this process started."""
    with _turn:
        for process, _ in _started.values():
            if process.stdin is not None:
                process.stdin.close()
        for process, _ in _started.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _started.clear()


atexit.register(stop_sandbox)
