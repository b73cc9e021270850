"""Servers of the sandbox are started when somebody asks for them, and never outlive them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inventory_platform.errors import SandboxUnavailableError, SettingsError, SourceError
from inventory_platform.settings import Settings
from inventory_platform.sources.sandboxed import sandbox_address, stop_sandbox

_ASK = """
import sys, time
from pathlib import Path
from inventory_platform.settings import Settings
from inventory_platform.sources.sandboxed import sandbox_address
print(sandbox_address(Settings(data_dir=Path(sys.argv[1])), "shop"), flush=True)
time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    yield Settings(data_dir=tmp_path)
    stop_sandbox()


def answers(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def wait_until_silent(address: str) -> None:
    deadline = time.monotonic() + 15
    while answers(address):
        assert time.monotonic() < deadline, "the server outlived who started it"
        time.sleep(0.05)


def test_a_server_is_started_once_and_answers_on_loopback(settings: Settings) -> None:
    address = sandbox_address(settings, "shop")
    assert address.startswith("127.0.0.1:")
    assert sandbox_address(settings, "shop") == address
    assert httpx.get(f"http://{address}/robots.txt").status_code == 200


def test_a_server_stops_when_it_is_told_to(settings: Settings) -> None:
    address = sandbox_address(settings, "shop")
    stop_sandbox()
    wait_until_silent(address)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_with_the_process_that_asked_for_it(
    tmp_path: Path, how: signal.Signals
) -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", _ASK, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert asking.stdout is not None
    address = asking.stdout.readline().strip()
    assert answers(address)
    os.kill(asking.pid, how)
    asking.communicate()
    wait_until_silent(address)


def test_a_server_the_sandbox_does_not_have_is_named(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"no server 'bakery'.*\n.*linnworks"):
        sandbox_address(settings, "bakery")


def test_a_missing_program_is_named_with_the_command_that_installs_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSQUITTO", "/nowhere/mosquitto")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(SandboxUnavailableError, match=r"install-test-servers\.sh"):
        sandbox_address(settings, "mqtt")


def test_where_others_rely_on_the_result_a_missing_program_is_a_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSQUITTO", "/nowhere/mosquitto")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SourceError, match="Mosquitto is not installed") as failure:
        sandbox_address(settings, "mqtt")
    assert not isinstance(failure.value, SandboxUnavailableError)
