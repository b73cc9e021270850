"""One look: observe, decide, remember, send. And sending alerts of others.

Everything is remembered before it is sent, and what a channel accepted is remembered after.
A process killed between the two repeats one message; none is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb

from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake
from inventory_platform.operations.alerts import levels, messages
from inventory_platform.operations.alerts.channels import beat, send
from inventory_platform.operations.alerts.config import AlertConfig, address, read_config
from inventory_platform.operations.alerts.levels import Level
from inventory_platform.operations.alerts.model import Alert, Cause, Kind, Observation, Severity
from inventory_platform.operations.alerts.policy import decide
from inventory_platform.operations.alerts.redaction import Redactor, redactor
from inventory_platform.operations.alerts.runs import ended_runs, has_read, observe_runs, storage_of
from inventory_platform.operations.alerts.state import (
    Pulse,
    Queue,
    Sent,
    State,
    alerts_dir,
    locked,
    read_state,
    save,
)
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings

_QUEUED = 500
_SENT_KEPT = 100
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
_LOCK_SECONDS = 5
_SECONDS_A_LOOK = 25


@dataclass(frozen=True)
class Look:
    """What a look found and did.

    Attributes:
        told: What was decided to be told.
        sent: Messages that were accepted.
        problems: What cannot be told, in words.
        open: How many causes are open.
    """

    told: list[Alert] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    open: int = 0


def look(
    registry: Registry,
    config: AlertConfig,
    instance: dg.DagsterInstance,
    specs: Iterable[dg.AssetSpec],
    now: datetime | None = None,
) -> Look:
    """Look at everything once and tell what is to be told.

    Args:
        registry: What is loaded.
        config: Who is told what.
        instance: Where runs are kept.
        specs: The assets, for how fresh they must be.
        now: The present, naive UTC; taken from the clock when omitted.

    Raises:
        LandingError: Another process is looking.
        InventoryError: The state was unreadable and is set aside.
    """
    settings = registry.settings
    hide = redactor(settings, config)
    now = now or _now()
    with locked(settings, _LOCK_SECONDS) as state:
        _follow(state, instance)
        runs = ended_runs(instance, state.cursor, now)
        observations = [
            *observe_runs(instance, runs, settings.pages_url),
            *_levels(registry, config, instance, list(specs), state, now),
        ]
        shown = [_redacted(observation, hide) for observation in observations]
        told = decide(state, shown, config, now)
        state.cursor = runs[-1].storage_id if runs else state.cursor
        _queue(state, told, config, now)
        save(settings, state)
        sent = _send_due(state, settings, config, hide, now)
        _beat(state, settings, config, now)
        save(settings, state)
        return Look(told, sent, _problems(state, config), len(state.open))


def deliver(settings: Settings, alerts: Sequence[Alert]) -> list[Sent]:
    """Tell alerts of other parts of the platform, which decide for themselves when to tell.

    What cannot be sent now waits and is sent by a later look.

    Raises:
        SettingsError: `alerts.toml` is wrong.
        LandingError: Another process is looking.
    """
    config = read_config(settings)
    hide = redactor(settings, config)
    now = _now()
    with locked(settings, _LOCK_SECONDS) as state:
        _queue(state, [_hidden(alert, hide) for alert in alerts], config, now)
        save(settings, state)
        sent = _send_due(state, settings, config, hide, now)
        save(settings, state)
        return sent


def problems(settings: Settings) -> list[str]:
    """What cannot be told at the moment, in words; nothing when all channels work.

    Raises:
        SettingsError: `alerts.toml` is wrong.
        InventoryError: The state is unreadable.
    """
    return _problems(read_state(settings), read_config(settings))


def try_routes(config: AlertConfig, settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Send a message over routes; returns why each failed, or nothing, by route."""
    hide = redactor(settings, config)
    alert = Alert(
        cause=Cause(kind=Kind.other, subject="test"),
        severity=Severity.info,
        title="This is a test",
        text="Nothing is wrong. Somebody asked with `inventory alerts test` whether messages "
        "arrive here.",
        at=_now(),
    )
    subject, body = messages.subject([alert]), messages.body([alert])
    return {
        name: hide(send(_address_of(settings, config, name), subject, body, alert.severity))
        for name in names
    }


def _follow(state: State, instance: dg.DagsterInstance) -> None:
    """Begin anew where Dagster's storage did: its entries are counted from one again."""
    storage = storage_of(instance)
    is_another = bool(state.storage) and storage != state.storage
    if state.cursor is not None and (is_another or not has_read(instance, state.cursor)):
        state.cursor = None
    state.storage = storage


def _levels(
    registry: Registry,
    config: AlertConfig,
    instance: dg.DagsterInstance,
    specs: list[dg.AssetSpec],
    state: State,
    now: datetime,
) -> Iterator[Observation]:
    settings, limits = registry.settings, config.causes
    pages = settings.pages_url
    lake = Lake.of(settings).as_of_now()
    questions: dict[str, Callable[[], Level | None]] = {
        "stale data": lambda: levels.stale_data(instance, specs, now, pages),
        "quarantine": lambda: levels.quarantine_rate(
            lake, registry.contracts, limits.quarantine, pages
        ),
        "stock": lambda: levels.unusual_stock(settings, pages),
        "disk space": lambda: levels.disk_space(settings, limits.disk),
    }
    known = [record.cause for record in state.open]
    failed = Level(Kind.watch)
    for what, ask in questions.items():
        try:
            answer = ask()
        except (OSError, ValueError, duckdb.Error, InventoryError) as error:
            failed.bad.append(levels.unwatched(what, error))
            continue
        if answer is not None:
            yield from answer.observations(known)
    yield from failed.observations(known)


def _queue(state: State, alerts: Iterable[Alert], config: AlertConfig, now: datetime) -> None:
    # A route that was taken out of alerts.toml is waited for no longer.
    state.queues = {name: state.queues.get(name, Queue()) for name in config.routes}
    for alert in alerts:
        for name, route in config.routes.items():
            if route.takes(alert):
                state.queues[name].alerts.append(alert.model_copy(update={"at": now}))
    for queue in state.queues.values():
        queue.dropped += max(0, len(queue.alerts) - _QUEUED)
        queue.alerts = queue.alerts[-_QUEUED:]


def _send_due(
    state: State, settings: Settings, config: AlertConfig, hide: Redactor, now: datetime
) -> list[Sent]:
    """Send what waits, all of a route in one message; a route that fails is left alone a while."""
    sent = []
    deadline = time.monotonic() + _SECONDS_A_LOOK
    for name, queue in state.queues.items():
        is_waiting = queue.next_at is not None and now < queue.next_at
        # What finds no time now is sent by the next look.
        if not queue.alerts or is_waiting or time.monotonic() > deadline:
            continue
        subject = messages.subject(queue.alerts)
        problem = send(
            _address_of(settings, config, name),
            subject,
            messages.body(queue.alerts, queue.dropped),
            max((alert.severity for alert in queue.alerts), key=lambda severity: severity.rank),
        )
        if problem:
            wait = min(_FIRST_WAIT * 2**queue.attempts, _LONGEST_WAIT)
            queue.attempts += 1
            queue.failing_since = queue.failing_since or now
            queue.next_at = now + wait
            queue.problem = hide(problem)
        else:
            state.queues[name] = Queue()
            sent.append(Sent(at=now, route=name, subject=subject))
    state.sent = [*state.sent, *sent][-_SENT_KEPT:]
    return sent


def _beat(state: State, settings: Settings, config: AlertConfig, now: datetime) -> None:
    """Give the sign of life; not elsewhere while messages cannot be sent, so that this is told."""
    file = alerts_dir(settings) / "heartbeat"
    failing = sorted(name for name, queue in state.queues.items() if queue.problem)
    variable = config.heartbeat.url_env
    if variable is None or failing:
        beat(file, None, now)
        problem = f"Held back: {', '.join(failing)} cannot be reached." if failing else ""
    else:
        problem = beat(file, address(settings, variable, "The heartbeat"), now)
    state.pulse = Pulse(at=now, problem=problem if variable else "")


def _problems(state: State, config: AlertConfig) -> list[str]:
    found = [
        f"Alerts over {name} cannot be sent since {queue.failing_since:%Y-%m-%d %H:%M} UTC "
        f"({len(queue.alerts)} wait, tried {queue.attempts} times): {queue.problem}"
        for name, queue in state.queues.items()
        if name in config.routes and queue.problem
    ]
    if state.pulse.problem:
        found.append(f"The heartbeat does not arrive. {state.pulse.problem}")
    return found


def _address_of(settings: Settings, config: AlertConfig, name: str) -> str:
    return address(settings, config.routes[name].url_env, f"Route {name!r}")


def _redacted(observation: Observation, hide: Redactor) -> Observation:
    cause = observation.cause.model_copy(update={"subject": hide(observation.cause.subject)})
    return observation.model_copy(
        update={
            "cause": cause,
            "title": hide(observation.title),
            "text": hide(observation.text),
            "items": tuple(hide(item) for item in observation.items),
        }
    )


def _hidden(alert: Alert, hide: Redactor) -> Alert:
    return alert.model_copy(update={"title": hide(alert.title), "text": hide(alert.text)})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
