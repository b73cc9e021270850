"""When a cause is told: once, again when it stays or grows, and when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from inventory_platform.operations.alerts.config import AlertConfig
from inventory_platform.operations.alerts.messages import body, subject
from inventory_platform.operations.alerts.model import Alert, Cause, Kind, Observation, Severity
from inventory_platform.operations.alerts.policy import decide
from inventory_platform.operations.alerts.state import State

START = datetime.fromisoformat("2026-11-21 08:00")


class Days:
    """A state and a clock; each look is given what it sees."""

    def __init__(self, **config) -> None:
        self.state = State()
        self.config = AlertConfig.model_validate(config)
        self.now = START

    def look(self, *seen: Observation, later: timedelta = timedelta(seconds=30)) -> list[str]:
        self.now += later
        return [alert.headline for alert in decide(self.state, seen, self.config, self.now)]


def bad(
    kind: Kind = Kind.run,
    subject: str = "orders",
    reason: str = "SourceError",
    severity: Severity = Severity.error,
    items: tuple[str, ...] = (),
) -> Observation:
    cause = Cause(kind=kind, subject=subject, reason=reason)
    title = f"{subject}: {reason}"
    return Observation(cause=cause, is_bad=True, severity=severity, title=title, items=items)


def fine(kind: Kind = Kind.run, subject: str = "orders") -> Observation:
    return Observation(cause=Cause(kind=kind, subject=subject), is_bad=False)


def test_a_cause_is_told_once_and_its_end_once():
    days = Days()
    assert days.look(bad()) == ["orders: SourceError"]
    assert days.look(bad()) == []
    assert days.look() == []
    assert days.look(fine()) == ["Over: orders: SourceError"]
    assert days.look(fine()) == []


def test_another_class_of_error_or_another_place_is_another_cause():
    days = Days()
    days.look(bad())
    assert days.look(bad(reason="LandingError")) == ["orders: LandingError"]
    assert days.look(bad(subject="stock")) == ["stock: SourceError"]


def test_when_all_is_well_after_two_errors_in_one_place_that_is_told_once():
    days = Days()
    days.look(bad())
    days.look(bad(reason="LandingError"))
    assert days.look(bad()) == []
    assert days.look(fine()) == ["Over: orders: SourceError"]


def test_a_cause_is_told_after_as_many_times_in_a_row_as_configured():
    days = Days(causes={"run": {"after": 3}})
    assert days.look(bad()) == []
    assert days.look(bad(), fine(), bad(), bad()) == []
    assert days.look(bad()) == ["orders: SourceError"]


def test_what_was_never_told_ends_in_silence():
    days = Days(causes={"run": {"after": 2}})
    assert days.look(bad(), fine()) == []


def test_a_cause_that_comes_back_is_held_back_until_the_cooldown_ends():
    days = Days(policy={"cooldown_minutes": 60})
    days.look(bad())
    days.look(fine())
    assert days.look(bad(), fine(), bad()) == []
    assert days.look(later=timedelta(minutes=30)) == []
    assert days.look(later=timedelta(minutes=30)) == ["orders: SourceError"]


def test_a_cause_that_comes_back_worse_is_told_within_the_cooldown():
    days = Days()
    days.look(bad(severity=Severity.warning), fine())
    assert days.look(bad(severity=Severity.critical)) == ["orders: SourceError"]


def test_a_cause_that_stays_is_told_again_after_a_day():
    days = Days()
    days.look(bad())
    assert days.look(later=timedelta(hours=23)) == []
    assert days.look(later=timedelta(hours=1)) == ["Still: orders: SourceError"]


def test_more_of_the_same_is_told_when_the_cooldown_ends():
    days = Days(policy={"cooldown_minutes": 60})
    one, two = (bad(Kind.stock, "negative_stock", "anomaly", items=i) for i in [("A",), ("A", "B")])
    days.look(one)
    assert days.look(two) == []
    assert days.look(two, later=timedelta(hours=1)) == ["More: negative_stock: anomaly"]
    assert days.look(one, later=timedelta(hours=1)) == []


def test_what_is_ignored_is_not_told_and_what_was_open_of_it_is_forgotten():
    days = Days(causes={"check": {"ignore": ["raw/* drift"]}})
    assert days.look(bad(Kind.check, "raw/orders drift", "failed")) == []
    assert days.look(bad(Kind.check, "raw/orders volume", "failed")) != []
    days.config = AlertConfig.model_validate({"causes": {"check": {"ignore": ["*"]}}})
    days.look()
    assert days.state.causes == {}


def test_a_check_that_nobody_evaluates_any_more_is_forgotten():
    days = Days(policy={"forget_days": 30, "repeat_hours": 10_000})
    days.look(bad(Kind.check, "raw/gone drift", "failed"))
    days.look(later=timedelta(days=29))
    assert len(days.state.open) == 1
    days.look(later=timedelta(days=2))
    assert days.state.causes == {}


def alert(title: str, severity: str = "error", is_over: bool = False) -> Alert:
    cause = Cause(kind=Kind.run, subject="x")
    return Alert(cause=cause, severity=severity, title=title, text="Why.", is_over=is_over)


@pytest.mark.parametrize(
    ("alerts", "line"),
    [
        ([alert("orders failed")], "[error] orders failed"),
        ([alert("a", "warning"), alert("b", "critical")], "[critical] b (and 1 more)"),
        ([alert("a", is_over=True)], "[over] a"),
        ([alert("a", "critical", True), alert("b", "info")], "[info] b (and 1 more)"),
        ([alert("x" * 200)], f"[error] {'x' * 160} …"),
    ],
)
def test_the_subject_says_how_urgent_it_is_and_what(alerts, line):
    assert subject(alerts) == line


def test_many_alerts_are_one_message_with_the_gravest_first_and_the_rest_as_lines():
    alerts = [alert(f"warned {n}", "warning") for n in range(30)] + [alert("broken", "critical")]
    text = body(alerts, dropped=7)
    assert text.startswith("broken\ncritical · run\n\nWhy.")
    assert text.count("Why.") == 20
    assert "\nwarning · warned 29\n" in text
    assert "7 older ones are left out" in text
