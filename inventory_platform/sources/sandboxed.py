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

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.settings import Settings

_STOP_SECONDS = 10
_started: dict[tuple[str, str], tuple[subprocess.Popen[str], str]] = {}
_turn = threading.Lock()


def sandbox_address(settings: Settings, name: str) -> str:
    """The `host:port` of a server of the sandbox, started if this process has none yet.

    Raises:
        SettingsError: The sandbox has no such server.
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
        [sys.executable, "-m", "inventory_platform.sandbox.serve", name, str(settings.data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if process.stdout is None or process.stderr is None:
        raise RuntimeError("a pipe was asked for")
    address = process.stdout.readline().strip()
    if not address:
        complaint = process.stderr.read().strip().splitlines()
        process.wait()
        if process.returncode == 2:
            raise SettingsError(*complaint[-1].split("\t"))
        raise SourceError(
            f"The sandbox's {name} server did not start: {(complaint or ['no reason given'])[-1]}.",
            "Install what it needs with `bash scripts/install-test-servers.sh`, or give the "
            "source another address in sources.toml.",
        )
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
