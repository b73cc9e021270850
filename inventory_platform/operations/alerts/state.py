"""What is remembered between two looks: open causes, what waits to be sent, how far was read.

One file, `<data>/alerts/state.json`, always written whole, by one process at a time. So a
process that is killed at any point leaves either the state before or the one after, and a
message it had not sent is still waiting. What is decided from it is `policy.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake, commit_text
from inventory_platform.operations.alerts.model import Alert, Cause, Severity
from inventory_platform.settings import Settings


class Record(BaseModel):
    """A cause that is open, or was a short while ago.

    Attributes:
        cause: The cause.
        severity: How urgent it is.
        title: What happened and where.
        text: What happened, and what to do.
        link: Page that shows more.
        first_at: When it began.
        seen_at: When it was seen last.
        times: How often it was seen since it began.
        told_at: When it was told last, also before it began anew.
        told_severity: As how urgent.
        is_told: Whether it was told since it began.
        told_as: As how urgent it was told since it began, or another cause in its place.
        owes_end: Whether people must be told when it is over.
        over_at: When it was over.
        items: What is affected.
        told_items: What of it was told.
    """

    cause: Cause
    severity: Severity = Severity.info
    title: str = ""
    text: str = ""
    link: str = ""
    first_at: datetime
    seen_at: datetime
    times: int = 0
    told_at: datetime | None = None
    told_severity: Severity | None = None
    is_told: bool = False
    told_as: frozenset[Severity] = frozenset()
    owes_end: bool = False
    over_at: datetime | None = None
    items: tuple[str, ...] = ()
    told_items: tuple[str, ...] = ()


class Queue(BaseModel):
    """What waits to be sent over one route.

    Attributes:
        alerts: The alerts, oldest first.
        dropped: How many older ones were left out because too many waited.
        attempts: How often sending failed since it last went well.
        failing_since: When it began to fail.
        next_at: When it is tried again.
        problem: Why it failed last.
    """

    alerts: list[Alert] = []
    dropped: int = 0
    attempts: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None
    problem: str = ""


class Sent(BaseModel):
    """A message that was accepted by a route."""

    at: datetime
    route: str
    subject: str


class Pulse(BaseModel):
    """The last sign of life: when it was given, and why it did not arrive."""

    at: datetime | None = None
    problem: str = ""


class State(BaseModel):
    """Everything that is remembered.

    Attributes:
        cursor: The last entry of Dagster's event log that was read.
        storage: Which storage of Dagster that was.
        causes: Open causes and those that were, by key.
        queues: What waits to be sent, by route.
        sent: The newest messages, newest last.
        pulse: The last sign of life.
    """

    cursor: int | None = None
    storage: str = ""
    causes: dict[str, Record] = {}
    queues: dict[str, Queue] = {}
    sent: list[Sent] = []
    pulse: Pulse = Pulse()

    @property
    def open(self) -> list[Record]:
        """The causes that are not over."""
        return [record for record in self.causes.values() if record.over_at is None]


def alerts_dir(settings: Settings) -> Path:
    """Folder of the state and the heartbeat file."""
    return settings.data_dir / "alerts"


@contextmanager
def locked(settings: Settings, timeout_seconds: float) -> Iterator[State]:
    """Read the state and be the only one who may write it.

    Raises:
        LandingError: Another process has it after the time given.
        InventoryError: The file is not a state; it was set aside, the next look begins anew.
    """
    lock = Lake(settings.lake_dir).lock_named("alerts", "The alerts' state", timeout_seconds)
    with lock:
        try:
            state = read_state(settings)
        except InventoryError:
            path = _file(settings)
            path.rename(path.with_name(f"state.broken.{datetime.now(UTC):%Y%m%dT%H%M%S}.json"))
            raise
        yield state


def read_state(settings: Settings) -> State:
    """The state as it is now; an empty one before the first look.

    Raises:
        InventoryError: The file is not a state.
    """
    path = _file(settings)
    if not path.exists():
        return State()
    try:
        return State.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise InventoryError(
            f"{path} is not a state of the alerts.",
            "Nothing: the next look sets it aside, begins anew and reads the last day again.",
        ) from None


def save(settings: Settings, state: State) -> None:
    """Keep the state; the caller holds the lock."""
    commit_text(_file(settings), state.model_dump_json(indent=1))


def _file(settings: Settings) -> Path:
    return alerts_dir(settings) / "state.json"
