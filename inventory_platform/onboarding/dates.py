"""Dates that are not written as ISO 8601: in which formats, and whether day or month is first.

A column may hold several formats at once. Which of day and month comes first is taken from
the values that leave no choice, then from the other columns of the table; what is left is
assumed and said loudly.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from inventory_platform.duck import literal
from inventory_platform.onboarding.types import Candidate, candidate

DAY_FIRST, MONTH_FIRST = "day first", "month first"
_LONGEST = 32
_TIME = r"(?P<gap> |a)9{1,2}:99(?P<seconds>:99)?(?P<fraction>\.9+)?(?P<half> ?a)?"
_NUMERIC = re.compile(rf"9{{1,2}}(?P<sep>[-/.])9{{1,2}}(?P=sep)(?P<year>99|9999)({_TIME})?")
_YEAR_FIRST = re.compile(rf"9999(?P<sep>[-/.])9{{1,2}}(?P=sep)9{{1,2}}({_TIME})?")
_DAY_NAMED_MONTH = re.compile(rf"9{{1,2}}(?P<sep>[-/. ])a(?P=sep)(?P<year>99|9999)({_TIME})?")
_NAMED_MONTH_DAY = re.compile(rf"a 9{{1,2}}(?P<comma>,?) 9999({_TIME})?")


@dataclass(frozen=True)
class Shape:
    """One way of writing dates: its formats by the order of day and month.

    Where day and month cannot be confused both orders hold the same formats.
    """

    day_first: tuple[str, ...]
    month_first: tuple[str, ...]

    def formats(self, order: str) -> tuple[str, ...]:
        """The formats of one order."""
        return self.day_first if order == DAY_FIRST else self.month_first


@dataclass(frozen=True)
class Written:
    """A column of dates: how many rows have each shape and each order can read."""

    rows: Mapping[Shape, int]
    readable: Mapping[tuple[Shape, str], int]

    def total(self, order: str) -> int:
        """Rows that one order can read."""
        return sum(self.readable[shape, order] for shape in self.rows)

    @property
    def proves(self) -> str | None:
        """The order that the values leave no choice about."""
        day, month = self.total(DAY_FIRST), self.total(MONTH_FIRST)
        if day == month:
            return None
        return DAY_FIRST if day > month else MONTH_FIRST

    @property
    def is_ambiguous(self) -> bool:
        """Whether either order reads it, with other results."""
        return self.proves is None and any(s.day_first != s.month_first for s in self.rows)


@dataclass(frozen=True)
class DateGuess:
    """The formats of a column, as types to try, and what to look at."""

    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]


def shape_of(skeleton: str) -> Shape | None:
    """The shape of a value whose digits are written `9` and whose words are written `a`."""
    if match := _NUMERIC.fullmatch(skeleton):
        sep, year = match["sep"], "%Y" if len(match["year"]) == 4 else "%y"
        # 1.2.10 is rather a version than a date; 1/2/10 is a date.
        if year == "%y" and sep != "/" and not re.match(r"99.99.99", skeleton):
            return None
        time = _time(match)
        return Shape((f"%d{sep}%m{sep}{year}{time}",), (f"%m{sep}%d{sep}{year}{time}",))
    if match := _YEAR_FIRST.fullmatch(skeleton):
        return _fixed(f"%Y{match['sep']}%m{match['sep']}%d{_time(match)}")
    if match := _DAY_NAMED_MONTH.fullmatch(skeleton):
        sep, year = match["sep"], "%Y" if len(match["year"]) == 4 else "%y"
        return _fixed(*(f"%d{sep}{month}{sep}{year}{_time(match)}" for month in ("%b", "%B")))
    if match := _NAMED_MONTH_DAY.fullmatch(skeleton):
        return _fixed(*(f"{month} %d{match['comma']} %Y{_time(match)}" for month in ("%b", "%B")))
    return None


def _fixed(*formats: str) -> Shape:
    return Shape(formats, formats)


def _time(match: re.Match[str]) -> str:
    if not match["gap"]:
        return ""
    seconds = ":%S" if match["seconds"] else ""
    fraction = ".%f" if match["fraction"] else ""
    half = match["half"]
    suffix = "" if half is None else " %p" if half.startswith(" ") else "%p"
    gap = "T" if match["gap"] == "a" else " "
    return f"{gap}{'%H' if half is None else '%I'}:%M{seconds}{fraction}{suffix}"


def find_dates(con: duckdb.DuckDBPyConnection, values: str) -> dict[str, Written]:
    """Find the columns that hold dates, by handle.

    A column counts when its first character classes say so; whether enough of its values are
    dates is decided where all types are compared.
    """
    skeletons = f"{values}_skeletons"
    con.execute(
        f"create or replace temp table {skeletons} as select handle, value, rows, regexp_replace("
        "regexp_replace(value, '[0-9]', '9', 'g'), '[A-Za-z]+', 'a', 'g') as skeleton "
        f"from {values} where length(value) between 6 and {_LONGEST} "
        r"and regexp_matches(value, '^(\d{1,4}[-/. ]|[A-Za-z]{3,9} \d)')"
    )
    found = con.execute(
        f"select handle, skeleton, sum(rows) from {skeletons} where regexp_full_match(skeleton, "
        r"'(9{1,4}[-/. ](9{1,2}|a)[-/. ]9{1,4}|a 9{1,2},? 9999)([ a]9.*)?') group by all"
    ).fetchall()
    shaped: dict[str, dict[Shape, list[str]]] = defaultdict(lambda: defaultdict(list))
    rows: dict[tuple[str, Shape], int] = defaultdict(int)
    for handle, skeleton, count in found:
        if shape := shape_of(skeleton):
            shaped[handle][shape].append(skeleton)
            rows[handle, shape] += int(count)
    return {
        handle: Written(
            {shape: rows[handle, shape] for shape in shapes},
            _count_readable(con, skeletons, handle, shapes),
        )
        for handle, shapes in shaped.items()
    }


def _count_readable(
    con: duckdb.DuckDBPyConnection,
    skeletons: str,
    handle: str,
    shapes: Mapping[Shape, Sequence[str]],
) -> dict[tuple[Shape, str], int]:
    asked = [(shape, order) for shape in shapes for order in (DAY_FIRST, MONTH_FIRST)]
    counts = ", ".join(
        f"coalesce(sum(rows) filter (skeleton in ({', '.join(map(literal, shapes[shape]))}) and "
        f"try_strptime(value, [{', '.join(map(literal, shape.formats(order)))}]) is not null), 0)"
        for shape, order in asked
    )
    (row,) = con.execute(
        f"select {counts} from {skeletons} where handle = {literal(handle)}"
    ).fetchall()
    return {key: int(count) for key, count in zip(asked, row, strict=True)}


def guess_dates(written: Mapping[str, Written]) -> dict[str, DateGuess]:
    """Decide the formats of all date columns of one table together."""
    proven = {found.proves for found in written.values()} - {None}
    return {handle: _guess(found, proven) for handle, found in written.items()}


def _guess(written: Written, proven_in_table: set[str | None]) -> DateGuess:
    notes = []
    order = written.proves
    if order is None:
        order = next(iter(proven_in_table)) if len(proven_in_table) == 1 else DAY_FIRST
        order = order or DAY_FIRST
        if written.is_ambiguous:
            because = (
                "as in the other dates of the table"
                if len(proven_in_table) == 1
                else "ASSUMED, nothing proves it"
            )
            notes.append(f"day or month first cannot be told from the values: {order}, {because}")
    commonest = sorted(written.rows, key=lambda shape: (-written.rows[shape], shape.day_first))
    used = [one for shape in commonest for one in _best(written, shape, order)]
    # `%Y` would take two digits for a year of the first century, so `%y` is tried before it.
    formats = tuple(sorted(dict.fromkeys(used), key=lambda one: "%y" not in one))
    if len(formats) > 1:
        notes.insert(0, f"{_count(len(formats))} formats in one column: {' and '.join(formats)}")
    else:
        notes.insert(0, f"written {formats[0]}")
    if any("%y" in one for one in formats):
        notes.append("years of two digits: up to 68 means 20xx")
    guard = r".*\d.*"
    kinds = ("DATE", "TIMESTAMP")
    return DateGuess(tuple(candidate(k, guard, formats=formats) for k in kinds), tuple(notes))


def _best(written: Written, shape: Shape, order: str) -> tuple[str, ...]:
    """The formats of a shape: the column's order, unless only the other one reads it."""
    other = MONTH_FIRST if order == DAY_FIRST else DAY_FIRST
    if written.readable[shape, order] < written.rows[shape] == written.readable[shape, other]:
        return shape.formats(other)
    return shape.formats(order)


def _count(number: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(number, str(number))
