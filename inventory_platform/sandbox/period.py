"""The two years the sandbox plays in.

They are fixed, so that the same database can be generated on any day. Times are seconds since
1970, in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

FIRST_DAY = date(2024, 10, 1)
LAST_DAY = date(2026, 9, 30)
DAYS = (LAST_DAY - FIRST_DAY).days + 1
DAY = 86_400
HOUR = 3_600
START = int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC).timestamp())
END = START + DAYS * DAY
"""The first second that has not happened yet."""
