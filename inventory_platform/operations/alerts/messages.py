"""How alerts read: one message for everything that is to be told at once over one route.

Plain text, which every channel can show. What is told is decided in `policy.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from inventory_platform.operations.alerts.model import Alert

_IN_FULL = 20
_LONGEST_TEXT = 1500
_LONGEST_TITLE = 160


def subject(alerts: Sequence[Alert]) -> str:
    """The message in one line: urgency, how many, and what or the gravest."""
    problems = [alert for alert in alerts if not alert.is_over]
    gravest = max(problems or alerts, key=lambda alert: alert.severity.rank)
    label = gravest.severity if problems else "over"
    others = len(alerts) - 1
    more = f" (and {others} more)" if others else ""
    return f"[{label}] {_cut(gravest.title, _LONGEST_TITLE)}{more}"


def body(alerts: Sequence[Alert], dropped: int = 0) -> str:
    """The message: each alert with what happened, what to do, and where to look.

    Args:
        alerts: What is told, oldest first.
        dropped: How many older ones are left out.
    """
    gravest_first = sorted(alerts, key=lambda a: (a.is_over, -a.severity.rank))
    parts = [_paragraphs(alert) for alert in gravest_first[:_IN_FULL]]
    if rest := gravest_first[_IN_FULL:]:
        parts.append("\n".join(f"{_label(alert)} · {alert.title}" for alert in rest))
    if dropped:
        parts.append(f"{dropped} older ones are left out: too many waited for this channel.")
    parts.append("`inventory alerts list` shows all that is open.")
    return "\n\n----\n\n".join(parts)


def _paragraphs(alert: Alert) -> str:
    when = f" · {alert.at:%Y-%m-%d %H:%M} UTC" if alert.at else ""
    lines = [alert.headline, f"{_label(alert)} · {alert.cause.kind}{when}"]
    if alert.text:
        lines += ["", _cut(alert.text, _LONGEST_TEXT)]
    if alert.link:
        lines += ["", alert.link]
    return "\n".join(lines)


def _label(alert: Alert) -> str:
    return "over" if alert.is_over else alert.severity.value


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest].rstrip()} …"
