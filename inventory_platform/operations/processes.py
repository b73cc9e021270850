"""Programs that go on until they are told to stop: started, watched, started again.

Here belongs how any program is kept running: its process group, its log, its restarts, the
file that tells how it is. Which programs there are is `programs.py`; nothing here knows Dagster.

Each program leads a session of its own, so Ctrl-C reaches the supervisor alone, and a program
ends together with everything it started. Should the supervisor itself be killed, `guard.py`
ends what it leaves behind.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO

from inventory_platform.errors import StartError
from inventory_platform.operations.guard import end_groups

STARTING = "starting"
UP = "up"
WAITING = "waiting"
FAILED = "failed"
NOT_INSTALLED = "not installed"
STOPPED = "stopped"

_HOST = "127.0.0.1"
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class Program:
    """What to start and how to see that it is up.

    Attributes:
        name: Short, and fit for a file name.
        command: Program and arguments.
        port: Port on 127.0.0.1 it listens on, if any.
        setting: Environment variable that sets the port.
        answers: Path below the port that answers 200 once it is up.
        socket: Unix socket that exists once it is up. With neither, living is being up.
        environment: Variables beside those of this process.
        missing: Why it cannot be started and what installs it; empty when it can be.
    """

    name: str
    command: Sequence[str]
    port: int | None = None
    setting: str = ""
    answers: str = ""
    socket: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Patience:
    """How long to wait for what.

    Attributes:
        first_wait: Seconds before the first restart; each further one waits twice as long.
        longest_wait: Bound of that.
        quick: A program that lived longer than this many seconds begins counting anew.
        deaths: Quick deaths in a row after which it is left alone.
        settle: Seconds after which a program that answers nothing counts as up.
        stop: Seconds a program may take to end before it is killed.
        look: Seconds between two looks at the programs.
        log_bytes: Size at which a log is set aside; one older log is kept.
    """

    first_wait: float = 1
    longest_wait: float = 30
    quick: float = 60
    deaths: int = 5
    settle: float = 3
    stop: float = 10
    look: float = 0.25
    log_bytes: int = 10_000_000


@dataclass(frozen=True)
class State:
    """How one program is, as the state file tells it.

    Attributes:
        name: The program.
        state: `starting`, `up`, `waiting` (for its restart), `failed` (left alone),
            `not installed` or `stopped`.
        since: Instant of that, naive UTC, ISO 8601.
        pid: Its process, which leads its group, while there is one.
        restarts: How often it was started again.
        detail: Why, in words.
    """

    name: str
    state: str
    since: str
    pid: int | None = None
    restarts: int = 0
    detail: str = ""


def read_states(file: Path) -> list[State]:
    """How the programs of a supervisor are; none where none has run."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [State(**state) for state in json.loads(text)]


def refuse_taken_ports(programs: Iterable[Program]) -> None:
    """Look for ports that cannot be listened on, before anything is started.

    Raises:
        StartError: Names every such port and the variable that sets it.
    """
    problems: list[str] = []
    asked: dict[int, str] = {}
    for program in programs:
        if program.port is None or program.missing:
            continue
        if program.port in asked:
            problems.append(f"{asked[program.port]} and {program.setting} are both {program.port}.")
        elif not _is_free(program.port):
            problems.append(
                f"Port {program.port} is in use by another program; {program.name} needs it."
            )
        else:
            asked[program.port] = program.setting
            continue
        problems[-1] += f" Another one is set by {program.setting}."
    if problems:
        raise StartError(" ".join(problems), "Stop the other program, or set another port.")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As servers do: connections that ended a moment ago hold no port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError:
            return False
    return True


class Supervisor:
    """Keeps programs running for as long as its block runs, and ends them all after it.

    Args:
        programs: What to run, in the order of their start.
        logs: Folder of `<name>.log`.
        state_file: Where the states are told to others; replaced at every change.
        tell: Called with one line for each thing that happens.
        patience: How long to wait for what.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        logs: Path,
        state_file: Path,
        tell: Callable[[str], None],
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._children = [_Child(p, logs / f"{p.name}.log", self._patience) for p in programs]
        self._state_file = state_file
        self._tell = tell
        self._told = self.states
        self._stopping = False

    @property
    def states(self) -> list[State]:
        """How each program is."""
        return [child.state for child in self._children]

    def __enter__(self) -> Supervisor:
        """Start every program that is installed, and the guard.

        Raises:
            StartError: Another supervisor tells its states in the same file.
        """
        self._lock = self._take_lock()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for child in self._children:
            child.begin()
            self._notice()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every program with all it started."""
        groups = [state.pid for state in self.states if state.pid]
        end_groups(groups, self._patience.stop, self._reap)
        for child in self._children:
            child.ended()
        self._notice()
        self._guard.communicate()
        self._lock.close()

    def stop(self) -> None:
        """Make `watch` return; a signal handler may call it."""
        self._stopping = True

    def watch(self, settled: Callable[[], None]) -> None:
        """Look at the programs until told to stop.

        Args:
            settled: Called once, when every program has come up or cannot.
        """
        waiting = True
        while not self._stopping:
            self.look()
            if waiting and not any(s.state in {STARTING, WAITING} for s in self.states):
                waiting = False
                settled()
            time.sleep(self._patience.look)

    def look(self) -> None:
        """Look at every program once; start again what died."""
        for child in self._children:
            child.look()
            self._notice()

    def _take_lock(self) -> IO[str]:
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        lock = self._state_file.with_suffix(".lock").open("a")
        try:
            # Let go by the kernel, however this process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StartError(
                f"The pages of {self._state_file.parent.parent} are open already.",
                "Stop the other `inventory ui`, or use it.",
            ) from None
        return lock

    def _reap(self) -> None:
        for child in self._children:
            child.exit_code()

    def _notice(self) -> None:
        """Tell what has changed: the guard, the state file, people."""
        states = self.states
        if states == self._told:
            return
        if self._guard.stdin is not None and self._guard.poll() is None:
            self._guard.stdin.write(" ".join(str(s.pid) for s in states if s.pid) + "\n")
            self._guard.stdin.flush()
        aside = self._state_file.with_suffix(".new")
        aside.write_text(json.dumps([asdict(s) for s in states], indent=1), encoding="utf-8")
        aside.replace(self._state_file)
        known = {state.name: state for state in self._told}
        self._told = states
        for state in states:
            if state != known.get(state.name):
                self._tell(f"{state.name:<16} {state.state:<13} {state.detail}".rstrip())


class _Child:
    """One program: its process, while there is one, and how it is."""

    def __init__(self, program: Program, log: Path, patience: Patience) -> None:
        self._program = program
        self._log = log
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._again = 0.0
        self._deaths = 0
        self.state = State(program.name, STOPPED, _now())

    def begin(self) -> None:
        if self._program.missing:
            self._become(NOT_INSTALLED, self._program.missing)
            return
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._bound_log()
        if self._program.socket is not None:
            # One left behind by a killed program would look like an answer.
            self._program.socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            log.write(f"--- {_now()} started\n".encode())
            log.flush()
            try:
                self._process = subprocess.Popen(
                    self._program.command,
                    env={**os.environ, **self._program.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                self._become(FAILED, f"{self._program.command[0]}: {error.strerror}")
                return
        self._started = time.monotonic()
        self._become(STARTING, pid=self._process.pid)

    def look(self) -> None:
        if self.state.state == WAITING and time.monotonic() >= self._again:
            self.state = replace(self.state, restarts=self.state.restarts + 1)
            self.begin()
        if self._process is None:
            return
        self._bound_log()
        code = self.exit_code()
        if code is not None:
            self._died(self._process.pid, code)
        elif self.state.state == STARTING and self._is_up():
            took = time.monotonic() - self._started
            self._become(UP, f"after {took:.0f} s", pid=self.state.pid)

    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def ended(self) -> None:
        """Told that the whole group has ended."""
        if self._process is not None:
            self._process.wait()
            self._process = None
        if self.state.state != NOT_INSTALLED:
            self._become(STOPPED)

    def _died(self, group: int, code: int) -> None:
        lived = time.monotonic() - self._started
        # What it started must not outlive it: it would hold the port and the files.
        end_groups([group], grace=0)
        self._process = None
        self._deaths = self._deaths + 1 if lived < self._patience.quick else 1
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        if self._deaths >= self._patience.deaths:
            self._become(FAILED, f"{how}, {self._deaths} times in a row; {self._log.name} says why")
            return
        wait = min(self._patience.longest_wait, self._patience.first_wait * 2 ** (self._deaths - 1))
        self._again = time.monotonic() + wait
        self._become(WAITING, f"{how} after {lived:.0f} s; starts again in {wait:.0f} s")

    def _is_up(self) -> bool:
        if self._program.socket is not None:
            return self._program.socket.exists()
        if self._program.port is None:
            return time.monotonic() - self._started >= self._patience.settle
        connection = http.client.HTTPConnection(_HOST, self._program.port, _ANSWER_SECONDS)
        try:
            connection.request("GET", self._program.answers)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _bound_log(self) -> None:
        """Set the log aside when it is big; the program goes on writing at its new beginning."""
        if self._log.exists() and self._log.stat().st_size > self._patience.log_bytes:
            shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
            os.truncate(self._log, 0)

    def _become(self, state: str, detail: str = "", pid: int | None = None) -> None:
        self.state = replace(self.state, state=state, since=_now(), pid=pid, detail=detail.strip())


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
