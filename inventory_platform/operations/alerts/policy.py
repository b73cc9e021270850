"""Which observations are told, and when: once for each cause, again when it is over.

Pure: it changes the state it is given and nothing else. Who is told is `config.Route`.

A cause is told when it was seen often enough in a row, and not again before it is over; then
that is told too, if the cause was. One that comes back within the cool-down is held back, and
told when the cool-down ends and it is still there. One that stays is told again after a day, and
as soon as more is affected than was told, each at most once in a cool-down.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from inventory_platform.operations.alerts.config import AlertConfig
from inventory_platform.operations.alerts.model import Alert, Cause, Kind, Observation, Severity
from inventory_platform.operations.alerts.state import Record, State

_OF_RUNS = {Kind.run, Kind.check}
"""What is heard of only when something runs, not with every look."""
_ITEMS_KEPT = 1000


def decide(
    state: State, observations: Iterable[Observation], config: AlertConfig, now: datetime
) -> list[Alert]:
    """Take observations into the state, in their order; returns what is to be told.

    Args:
        state: What is remembered; changed in place.
        observations: What was seen since the last look.
        config: How often to tell, and what not.
        now: The present, naive UTC.
    """
    alerts: list[Alert] = []
    for seen in observations:
        if config.causes.ignores(seen.cause):
            continue
        if not seen.is_bad:
            alerts += _end(state, seen, now)
            continue
        record = _take(state, seen, now)
        _supersede(state, record, now)
        if _is_due(record, config, now):
            alerts.append(_tell(record, now))
    for record in state.open:
        if _is_due(record, config, now):
            alerts.append(_tell(record, now))
    _forget(state, config, now)
    return alerts


def _take(state: State, seen: Observation, now: datetime) -> Record:
    record = state.causes.get(seen.cause.key)
    if record is None:
        record = Record(cause=seen.cause, first_at=now, seen_at=now)
        state.causes[seen.cause.key] = record
    elif record.over_at is not None:
        record.first_at, record.over_at, record.times = now, None, 0
    record.severity, record.title, record.text = seen.severity, seen.title, seen.text
    record.link, record.items = seen.link, seen.items[:_ITEMS_KEPT]
    record.seen_at = now
    record.times += 1
    return record


def _supersede(state: State, record: Record, now: datetime) -> None:
    """End what was wrong in the same place for another reason: not over, but not so any more."""
    for other in _open_at(state, record.cause):
        if other is not record:
            # People were told of this place, so they will be told when all is well there.
            record.owes_end |= other.owes_end
            record.told_as |= other.told_as
            _close(other, now)


def _open_at(state: State, cause: Cause) -> list[Record]:
    return [
        record
        for record in state.open
        if record.cause.kind == cause.kind and record.cause.subject == cause.subject
    ]


def _is_due(record: Record, config: AlertConfig, now: datetime) -> bool:
    if record.times < config.causes.of(record.cause.kind).after:
        return False
    if record.told_at is None:
        return True
    since = now - record.told_at
    if not record.is_told:
        grew = record.told_severity is not None and record.severity.rank > record.told_severity.rank
        return grew or since >= config.policy.cooldown
    has_more = not set(record.items) <= set(record.told_items)
    return since >= config.policy.repeat or (has_more and since >= config.policy.cooldown)


def _tell(record: Record, now: datetime) -> Alert:
    title, text = record.title, record.text
    if record.is_told:
        more = sorted(set(record.items) - set(record.told_items))
        title = f"{'More' if more else 'Still'}: {title}"
        text = f"New: {', '.join(more)}.\n\n{text}" if more else text
    if record.times > 1 and record.cause.kind in _OF_RUNS:
        text += f"\n\nSeen {record.times} times since {record.first_at:%Y-%m-%d %H:%M} UTC."
    record.is_told, record.owes_end, record.told_at = True, True, now
    record.told_severity, record.told_items = record.severity, record.items
    record.told_as |= {record.severity}
    return Alert(
        cause=record.cause, severity=record.severity, title=title, text=text, link=record.link
    )


def _end(state: State, seen: Observation, now: datetime) -> list[Alert]:
    ended = _open_at(state, seen.cause)
    alerts = [_over(record, now) for record in ended if record.owes_end]
    for record in ended:
        _close(record, now)
    return alerts


def _over(record: Record, now: datetime) -> Alert:
    minutes = int((now - record.first_at).total_seconds() // 60)
    lasted = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return Alert(
        cause=record.cause,
        severity=record.told_severity or Severity.info,
        title=record.title,
        text=f"It began at {record.first_at:%Y-%m-%d %H:%M} UTC and lasted {lasted}.",
        link=record.link,
        is_over=True,
        told_as=record.told_as,
    )


def _close(record: Record, now: datetime) -> None:
    record.over_at, record.is_told, record.owes_end = now, False, False
    record.told_items, record.told_as = (), frozenset()


def _forget(state: State, config: AlertConfig, now: datetime) -> None:
    """Leave out what is over for longer than it matters, or can never be heard of again."""
    policy = config.policy
    for key, record in list(state.causes.items()):
        is_past = record.over_at is not None and now - record.over_at >= policy.cooldown
        is_silent = record.cause.kind in _OF_RUNS and now - record.seen_at >= policy.forget
        if is_past or is_silent or config.causes.ignores(record.cause):
            del state.causes[key]
