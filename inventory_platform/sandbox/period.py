"""The two years the sandbox plays in.

They are fixed, so that the same database can be generated on any day. Times are seconds since
1970, in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

FIRST_DAY = date(2024, 10, 1)
LAST_DAY = date(2026, 9, 30)
LAST_COUNT = LAST_DAY - timedelta(days=LAST_DAY.isoweekday() % 7)
"""The last Sunday; warehouses are counted on Sundays, after everything else."""
DAYS = (LAST_DAY - FIRST_DAY).days + 1
DAY = 86_400
HOUR = 3_600


def start_of(day: date) -> int:
    """The first second of a day.

    >>> start_of(date(1970, 1, 2))
    86400
    """
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


START = start_of(FIRST_DAY)
END = START + DAYS * DAY
"""The first second that has not happened yet."""
