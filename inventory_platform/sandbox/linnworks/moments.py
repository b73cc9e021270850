"""Instants as Linnworks keeps and writes them: ticks of 100 nanoseconds.

Here belong reading an instant from a request and the several ways of writing one into an answer;
which instants there are belongs to the modules that draw the data.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

SECOND = 10_000_000
"""Ticks in a second."""
DAY = 86_400 * SECOND
NEVER = "0001-01-01T00:00:00"
"""What stands in a date that cannot be null and has not happened."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_HOUR_EAST = timezone(timedelta(hours=1))
_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)(?:[T ](?P<time>\d\d:\d\d:\d\d))?"
    r"(?:\.(?P<fraction>\d{1,7}))?(?P<zone>Z|[+-]\d\d:\d\d)?"
)


def parse(text: str) -> int:
    """Read an instant; without an offset it is UTC.

    Args:
        text: Such as `2026-01-10T13:49:50.2091357+00:00`, `2026-01-10 13:49:50` or `2026-01-10`.

    Returns:
        Ticks since 1970.

    Raises:
        ValueError: The text is no instant.

    >>> parse("1970-01-01T01:00:00.0000001+01:00")
    1
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an instant: {text!r}")
    time, zone = match["time"] or "00:00:00", match["zone"] or "Z"
    moment = datetime.fromisoformat(f"{match['date']}T{time}{zone}")
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    return seconds * SECOND + int((match["fraction"] or "0").ljust(7, "0"))


def write(ticks: int | None, style: int) -> str | None:
    """Write an instant in one of four ways, or nothing for none.

    Args:
        ticks: Ticks since 1970.
        style: Any number; its remainder chooses between `Z`, `+00:00`, no offset at all, and the
            same instant one hour further east.

    >>> write(1, 0), write(1, 1), write(10, 2), write(SECOND, 3)  # doctest: +NORMALIZE_WHITESPACE
    ('1970-01-01T00:00:00.0000001Z', '1970-01-01T00:00:00.0000001+00:00',
     '1970-01-01T00:00:00.000001', '1970-01-01T01:00:01+01:00')
    """
    if ticks is None:
        return None
    seconds, rest = divmod(ticks, SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    way = style % 4
    if way == 3:
        moment = moment.astimezone(_ONE_HOUR_EAST)
    fraction = f".{rest:07d}".rstrip("0") if rest else ""
    offset = ("Z", "+00:00", "", "+01:00")[way]
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + offset


def write_or_never(ticks: int | None, style: int) -> str:
    """Write an instant, or the sentinel that stands for none."""
    return write(ticks, style) or NEVER
