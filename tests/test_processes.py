"""Programs are kept running: restarts with a limit, logs with a bound, no orphans."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from inventory_platform.errors import StartError
from inventory_platform.operations.processes import (
    FAILED,
    NOT_INSTALLED,
    STOPPED,
    UP,
    WAITING,
    Patience,
    Program,
    State,
    Supervisor,
    read_states,
    refuse_taken_ports,
)
from inventory_platform.operations.programs import (
    DAEMON,
    DAGSTER,
    DAGSTER_VIEWERS,
    DASHBOARD,
    programs,
    state_file,
)
from inventory_platform.settings import Settings

QUICK = Patience(first_wait=0.05, longest_wait=0.1, deaths=3, settle=0.1, stop=2, look=0.02)
SLEEP = (sys.executable, "-I", "-c", "import time; print('awake', flush=True); time.sleep(60)")
PARENT = (
    *("/bin/sh", "-c"),
    "sleep 60 & echo $! > $CHILD_PID_FILE; wait",
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(happened: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class House:
    """A folder with a supervisor of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []

    def keep(self, *kept: Program, patience: Patience = QUICK) -> Supervisor:
        return Supervisor(
            kept,
            logs=self.folder / "logs",
            state_file=self.folder / "ui" / "programs.json",
            tell=self.lines.append,
            patience=patience,
        )

    def told(self, name: str) -> State:
        """How a program is, as others read it."""
        states = read_states(self.folder / "ui" / "programs.json")
        return next(state for state in states if state.name == name)

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_program_is_up_and_ends_with_the_supervisor(house: House) -> None:
    with house.keep(Program("one", SLEEP)) as supervisor:
        wait_for(lambda: supervisor.look() or house.told("one").state == UP)
        pid = house.told("one").pid
        assert pid is not None
        assert is_alive(pid)
        wait_for(lambda: "awake" in house.log("one"))
    assert not is_alive(pid)
    assert house.told("one").state == STOPPED
    assert [line.split()[1] for line in house.lines] == ["starting", "up", "stopped"]


def test_a_killed_program_is_shown_and_started_again_while_the_others_go_on(house: House) -> None:
    patience = Patience(first_wait=0.3, settle=0.1, look=0.02)
    kept = (Program("daemon", SLEEP), Program("other", SLEEP))
    with house.keep(*kept, patience=patience) as supervisor:
        wait_for(lambda: supervisor.look() or house.told("daemon").state == UP)
        before, other = house.told("daemon").pid, house.told("other").pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: supervisor.look() or house.told("daemon").state == WAITING)
        assert "was killed by signal 9" in house.told("daemon").detail
        assert house.told("daemon").pid is None
        wait_for(lambda: supervisor.look() or house.told("daemon").state == UP)
        assert house.told("daemon").restarts == 1
        assert house.told("daemon").pid != before
        assert house.told("other").pid == other
        assert house.told("other").restarts == 0


def test_a_program_that_keeps_dying_is_left_alone_and_the_others_go_on(house: House) -> None:
    dies = Program("dies", ("/bin/sh", "-c", "echo no luck; exit 3"))
    with house.keep(dies, Program("other", SLEEP)) as supervisor:
        wait_for(lambda: supervisor.look() or house.told("dies").state == FAILED)
        for _ in range(10):
            supervisor.look()
        assert house.told("dies").detail == (
            "ended with code 3, 3 times in a row; dies.log says why"
        )
        assert house.told("dies").restarts == 2
        assert house.log("dies").count("no luck") == 3
        wait_for(lambda: supervisor.look() or house.told("other").state == UP)


def test_deaths_far_apart_do_not_add_up(house: House) -> None:
    patience = Patience(first_wait=0.01, quick=0, deaths=2, look=0.01)
    dies = Program("dies", ("/bin/sh", "-c", "exit 1"))
    with house.keep(dies, patience=patience) as supervisor:
        wait_for(lambda: supervisor.look() or house.told("dies").restarts >= 4)
        assert house.told("dies").state != FAILED


def test_each_restart_waits_twice_as_long_up_to_a_bound(house: House) -> None:
    patience = Patience(first_wait=0.1, longest_wait=0.25, deaths=5, look=0.01)
    dies = Program("dies", ("/bin/sh", "-c", "exit 1"))
    began = time.monotonic()
    with house.keep(dies, patience=patience) as supervisor:
        wait_for(lambda: supervisor.look() or house.told("dies").state == FAILED)
    # 0.1 + 0.2 + 0.25 + 0.25
    assert time.monotonic() - began >= 0.8


def test_what_a_dead_program_started_dies_with_it(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "child"
    parent = Program("parent", PARENT, environment={"CHILD_PID_FILE": str(file)})
    with house.keep(parent, patience=Patience(first_wait=60)) as supervisor:
        wait_for(lambda: file.exists() and file.read_text().strip())
        child, pid = int(file.read_text()), house.told("parent").pid
        assert is_alive(child)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: supervisor.look() or house.told("parent").state == WAITING)
        wait_for(lambda: not is_alive(child), seconds=5)


def test_a_program_that_does_not_want_to_end_is_killed(house: House) -> None:
    stubborn = ("/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    began = time.monotonic()
    with house.keep(Program("stubborn", stubborn), patience=Patience(stop=0.3)):
        wait_for(lambda: "ready" in house.log("stubborn"))
        pid = house.told("stubborn").pid
    assert pid is not None
    assert not is_alive(pid)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_supervisor_however_it_ends(tmp_path: Path, how: signal.Signals) -> None:
    """Started as a shell starts a background job: SIGINT is ignored, and inherited so."""
    driver = Path(__file__).with_name("process_driver.py")
    supervisor = subprocess.Popen(
        ["/bin/sh", "-c", f"trap '' INT; exec {sys.executable} {driver} {tmp_path}"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert supervisor.stdout is not None
        pids = [int(supervisor.stdout.readline()) for _ in range(2)]
        assert all(is_alive(pid) for pid in pids)
        supervisor.send_signal(how)
        supervisor.wait(15)
        wait_for(lambda: not any(is_alive(pid) for pid in pids))
    finally:
        supervisor.kill()
        supervisor.wait()


def test_a_program_is_up_when_it_answers(house: House) -> None:
    port = free_port()
    command = (sys.executable, "-I", "-m", "http.server", str(port), "--bind", "127.0.0.1")
    server = Program("web", command, port=port, setting="INVENTORY_WEB_PORT", answers="/")
    lost = Program("lost", command, port=free_port(), setting="INVENTORY_LOST_PORT", answers="/")
    with house.keep(server, lost) as supervisor:
        wait_for(lambda: supervisor.look() or house.told("web").state == UP)
        assert house.told("lost").state != UP


def test_a_program_that_is_not_installed_says_what_installs_it(house: House) -> None:
    missing = Program("dashboard", ("nothing",), missing="streamlit missing; `make ui` installs it")
    settled = []
    with house.keep(missing, Program("other", SLEEP)) as supervisor:

        def all_settled() -> None:
            settled.append(True)
            supervisor.stop()

        supervisor.watch(all_settled)
        assert house.told("dashboard").state == NOT_INSTALLED
        assert house.told("dashboard").detail == "streamlit missing; `make ui` installs it"
        assert house.told("other").state == UP
    assert settled == [True]


def test_a_command_that_does_not_exist_fails_and_the_others_go_on(house: House) -> None:
    kept = (Program("lost", ("/nowhere/at/all",)), Program("other", SLEEP))
    with house.keep(*kept) as supervisor:
        wait_for(lambda: supervisor.look() or house.told("other").state == UP)
        assert house.told("lost").state == FAILED
        assert house.told("lost").detail == "/nowhere/at/all: No such file or directory"


def test_a_log_stays_bounded_while_its_program_writes_on(house: House) -> None:
    talks = ("/bin/sh", "-c", "while :; do echo 0123456789012345678901234567890; sleep 0.002; done")
    patience = Patience(settle=0.1, log_bytes=2_000)
    with house.keep(Program("talks", talks), patience=patience) as supervisor:
        aside = house.folder / "logs" / "talks.log.1"
        wait_for(lambda: supervisor.look() or (aside.exists() and "01234" in house.log("talks")))
        assert aside.stat().st_size > 2_000
        assert "\0" not in house.log("talks")


def test_a_second_supervisor_of_the_same_folder_is_refused(house: House) -> None:
    with (
        house.keep(Program("one", SLEEP)),
        pytest.raises(StartError, match="are open already"),
        house.keep(Program("two", SLEEP)),
    ):
        pass
    with house.keep(Program("one", SLEEP)):
        assert house.told("one").pid


def test_a_taken_port_is_named_with_its_setting_before_anything_starts(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        kept = Program("dagster", SLEEP, port=port, setting="INVENTORY_DAGSTER_PORT")
        with pytest.raises(StartError, match=rf"Port {port} .*INVENTORY_DAGSTER_PORT"):
            refuse_taken_ports([kept])
    refuse_taken_ports([kept])


def test_two_programs_with_the_same_port_are_refused() -> None:
    port = free_port()
    kept = [Program(name, SLEEP, port=port, setting=name.upper()) for name in ("one", "two")]
    with pytest.raises(StartError, match=f"ONE and TWO are both {port}"):
        refuse_taken_ports(kept)


def commands(settings: Settings, folder: Path, *, read_only: bool) -> dict[str, Program]:
    return {p.name: p for p in programs(settings, folder, read_only=read_only)}


def test_viewers_get_no_daemon_and_no_buttons(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    for_all = commands(settings, tmp_path, read_only=False)
    for_viewers = commands(settings, tmp_path, read_only=True)
    assert set(for_all) - set(for_viewers) == {DAEMON}
    assert "--read-only" not in for_all[DAGSTER].command
    assert "--read-only" in for_viewers[DAGSTER].command
    assert state_file(settings, read_only=True) != state_file(settings, read_only=False)


def test_a_server_shows_dagster_twice_and_below_its_public_address(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, dagster_viewers_port=3001, public_url="https://stock.example.com"
    )
    found = commands(settings, tmp_path, read_only=False)
    assert "--read-only" in found[DAGSTER_VIEWERS].command
    for name in (DAGSTER, DAGSTER_VIEWERS):
        assert found[name].answers == "/dagster/server_info"
    assert found[DASHBOARD].answers == "/dashboard/_stcore/health"
    assert settings.pages_url == "https://stock.example.com/dagster"


def test_everything_listens_on_this_machine_alone(tmp_path: Path) -> None:
    found = commands(Settings(data_dir=tmp_path), tmp_path, read_only=False)
    assert "127.0.0.1" in found[DAGSTER].command
    assert "127.0.0.1" in found[DASHBOARD].command
    assert found[DASHBOARD].environment == {"INVENTORY_PUBLISHED": str(tmp_path / "published")}


def test_a_dashboard_without_its_requirements_says_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory_platform.operations.programs._DASHBOARD_NEEDS", ("no_such",))
    missing = commands(Settings(data_dir=tmp_path), tmp_path, read_only=False)[DASHBOARD].missing
    assert missing == "no_such missing; `make ui` installs what it needs"
