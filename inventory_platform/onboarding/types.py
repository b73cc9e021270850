"""What type a column has, judged by all its values.

Each type is tried with the very SQL that loads it (`landing/compiler.py`), so what is guessed
here is what will load. A guard stands before each: it refuses spellings that would load but
change on the way, such as the leading zeros of an identifier. Dates that are not ISO 8601 are
`dates.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import duckdb

from inventory_platform.contracts.base import Column, Contract, TableContract
from inventory_platform.duck import literal
from inventory_platform.landing.compiler import compile_contract
from inventory_platform.onboarding.sample import Sample, SampledColumn
from inventory_platform.sources.base import Relation

NO_VALUE = ("na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "?")
ENOUGH_ROWS = 200
OUTLIER_SHARE = 0.005
_SHOWN = 5

# Digits of these are names of something, whatever they look like.
_DIGITS_ARE_TEXT = re.compile(
    r"(^|_)(phone|telephone|tel|fax|mobile|cell|extension|zip|zipcode|postal|postcode|plz|ean"
    r"|gtin|upc|isbn|barcode|iban|bic|vat)(_|$)"
)
_WHOLE = r"(0|[1-9]\d{0,17})"
_GROUPED = r"([1-9]\d{0,2}(\.\d{3})+|0|[1-9]\d{0,17})"
_NOT_PROSE = r"^\s*([-+.]?\d|(true|false)\s*$)"
_COMMA_PROOF = rf"-?{_GROUPED},(\d{{1,2}}|\d{{4,}})|-?[1-9]\d{{0,2}}(\.\d{{3}})+,\d+"


@dataclass(frozen=True)
class Candidate:
    """A type a column of text may have, and the spellings it may have it in."""

    column: Column
    guard: str

    @property
    def is_number(self) -> bool:
        """Whether it is a number of any kind."""
        return self.column.type == "BIGINT" or self.has_fraction

    @property
    def has_fraction(self) -> bool:
        """Whether it is a number that may have decimals."""
        return self.column.type == "DOUBLE" or self.column.type.startswith("DECIMAL")


@dataclass(frozen=True)
class Judged:
    """What a column was found to be.

    Attributes:
        column: Its type, formats, decimal mark and spellings of "no value".
        empty: Rows without a value of this type.
        notes: What a person should look at.
    """

    column: Column
    empty: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Values:
    """How many rows of a column hold what.

    `not_prose` counts the rows that begin like a number, a date or a flag. `fits` counts by
    candidate the rows that load unchanged, `changes` those that would load as something else
    than they look like; neither is counted for columns of prose.
    """

    rows: int
    blank: int
    no_value: Mapping[str, int]
    has_comma: bool
    not_prose: int
    fits: Sequence[int] = field(default=())
    changes: Sequence[int] = field(default=())

    @property
    def relevant(self) -> int:
        """Rows whose value says something about the type."""
        return self.rows - self.blank - sum(self.no_value.values())


def candidate(
    kind: str, guard: str, *, formats: Sequence[str] = (), decimal_mark: str = "."
) -> Candidate:
    """Describe a type to try; `guard` is a regular expression over the whole value."""
    column = Column(
        name="value",
        source="value",
        type=kind,
        nullable=True,
        required=True,
        description="",
        personal=False,
        formats=tuple(formats),
        decimal_mark=decimal_mark,
    )
    return Candidate(column, guard)


def _numbers(whole: str, mark: str, decimal_mark: str) -> list[Candidate]:
    decimals = [
        candidate(
            f"DECIMAL(18,{scale})",
            rf"-?({whole}({mark}\d{{0,{scale}}})?|{mark}\d{{1,{scale}}})",
            decimal_mark=decimal_mark,
        )
        for scale in (2, 4, 6)
    ]
    return [
        candidate("BIGINT", f"-?{whole}", decimal_mark=decimal_mark),
        *decimals,
        candidate(
            "DOUBLE",
            rf"-?({whole}({mark}\d*)?|{mark}\d+)([eE][-+]?\d+)?",
            decimal_mark=decimal_mark,
        ),
    ]


# In order of preference: the narrowest first.
CANDIDATES = (
    *_numbers(_WHOLE, r"\.", "."),
    *_numbers(_GROUPED, ",", ","),
    candidate("BOOLEAN", "(?i:true|false)"),
    candidate("DATE", r"\d{4}[-/].*"),
    candidate("TIMESTAMP", r"\d{4}[-/].*"),
)


def gather_values(
    con: duckdb.DuckDBPyConnection, sample: Sample, columns: Iterable[SampledColumn]
) -> str:
    """Make the table of distinct values (`handle`, `value`, `rows`) and return its name."""
    name = f"{sample.relation}_values"
    handles = ", ".join(c.handle for c in columns)
    con.execute(
        f"create or replace temp table {name} as select handle, value, count(*) as rows from "
        f"(unpivot (select {handles} from {sample.relation}) on {handles} "
        "into name handle value value) group by all"
    )
    return name


def count_values(
    con: duckdb.DuckDBPyConnection,
    values: str,
    candidates: Sequence[Candidate],
    handle: str | None = None,
) -> dict[str, Values]:
    """Count, for each column, the rows that fit each candidate."""
    only = f" where handle = {literal(handle)}" if handle else ""
    found = con.execute(
        "select handle, sum(rows), coalesce(sum(rows) filter (trim(value) = ''), 0), "
        f"list((value, rows)) filter ({_is_no_value()}), "
        "bool_or(contains(value, ',') and "
        f"regexp_full_match(trim(value), {literal(_COMMA_PROOF)})), "
        f"coalesce(sum(rows) filter (regexp_matches(value, {literal(_NOT_PROSE)}, 'i')), 0) "
        f"from {values}{only} group by handle"
    ).fetchall()
    counted = {
        name: Values(
            rows=int(rows),
            blank=int(blank),
            no_value={spelling: int(n) for spelling, n in no_value or []},
            has_comma=has_comma,
            not_prose=int(not_prose),
        )
        for name, rows, blank, no_value, has_comma, not_prose in found
    }
    tried = [name for name, v in counted.items() if handle or v.not_prose >= 0.8 * v.relevant]
    has_comma = any(v.has_comma for v in counted.values())
    fitting = [
        _count_fitting(con, values, one, tried)
        if tried and (has_comma or one.column.decimal_mark == ".")
        else ({}, {})
        for one in candidates
    ]
    return {
        name: replace(
            v,
            fits=[fits.get(name, 0) for fits, _ in fitting],
            changes=[changes.get(name, 0) for _, changes in fitting],
        )
        for name, v in counted.items()
    }


def _is_no_value() -> str:
    return f"lower(trim(value)) in ({', '.join(map(literal, NO_VALUE))})"


def _count_fitting(
    con: duckdb.DuckDBPyConnection, values: str, one: Candidate, handles: Sequence[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Rows by column that load unchanged as a type, and rows that would change."""
    fits: dict[str, int] = {}
    changes: dict[str, int] = {}
    for name, guarded, rows in con.execute(
        f"select handle, guarded, sum(cast(rows as bigint)) from ({_tried(values, one, handles)}) "
        "where loads group by all"
    ).fetchall():
        (fits if guarded else changes)[name] = int(rows)
    return fits, changes


def _tried(values: str, one: Candidate, handles: Sequence[str]) -> str:
    """SQL of every telling value with two verdicts: whether it `loads`, and is `guarded`."""
    contract = TableContract(
        source="source",
        name="table",
        source_table="table",
        description="",
        columns=(one.column,),
        key=(),
        cursor=None,
        lookback=timedelta(),
        references={},
        owner="",
        model=Contract,
    )
    offered = {"value": "VARCHAR", "original": "VARCHAR", "handle": "VARCHAR", "rows": "BIGINT"}
    compiled = compile_contract(contract, offered, datetime.now(UTC).replace(tzinfo=None))
    telling = (
        f"select value, value as original, handle, rows from {values} where "
        f"handle in ({', '.join(map(literal, handles))}) and trim(value) <> '' "
        f"and not {_is_no_value()}"
    )
    refused = " or ".join(f"({rule.holds})" for rule in compiled.rules)
    return (
        f"select handle, original, rows, regexp_full_match(trim(original), {literal(one.guard)}) "
        f"as guarded, not coalesce({refused}, false) as loads "
        f"from ({compiled.select(Relation(telling, offered))})"
    )


def judge(
    con: duckdb.DuckDBPyConnection,
    values_table: str,
    column: SampledColumn,
    name: str,
    sample: Sample,
    values: Values | None,
    candidates: Sequence[Candidate],
    *,
    comma_is_proven: bool,
) -> Judged:
    """Choose the type of a column from what was counted.

    A type is chosen when every value fits, or when so few of many do not that they are rather
    mistakes; those will be quarantined. What would change while loading forbids a type.
    """
    missing = sample.rows - column.filled
    if values is None or values.relevant == 0:
        return _no_values(values, missing)
    possible = [
        (fits, one)
        for one, fits, changes in zip(candidates, values.fits, values.changes, strict=True)
        if not changes and (comma_is_proven or one.column.decimal_mark == ".")
    ]
    if comma_is_proven:
        # 1.234 beside decimal commas is rather a thousand than a fraction.
        possible.sort(key=lambda p: p[1].has_fraction and p[1].column.decimal_mark == ".")
    fits, best = max(possible, key=lambda p: p[0], default=(0, candidates[0]))
    odd = values.relevant - fits
    few = values.relevant >= ENOUGH_ROWS and odd <= OUTLIER_SHARE * values.relevant
    if not odd and best.is_number and _DIGITS_ARE_TEXT.search(name):
        return _text(missing, "digits, kept as text because of its name")
    if odd and (not few or _DIGITS_ARE_TEXT.search(name)):
        return _text(missing, *_why_text(con, values_table, column, values, candidates, best, odd))
    notes = []
    if values.no_value:
        notes.append(f"read as empty: {_spellings(values.no_value)}")
    if best.column.decimal_mark == ",":
        notes.append("decimal comma")
    if odd:
        examples = _examples(con, values_table, column, best)
        notes.append(
            f"{odd} of {values.relevant} values do not fit and will be quarantined: {examples}"
        )
    return Judged(
        replace(best.column, null_values=tuple(sorted(values.no_value))),
        missing + values.blank + sum(values.no_value.values()),
        tuple(notes),
    )


def _no_values(values: Values | None, missing: int) -> Judged:
    if values is None or values.rows == values.blank:
        return _text(missing, "no values to judge by, read as text")
    return _text(missing, f"holds nothing but {_spellings(values.no_value)}, read as text")


def _why_text(
    con: duckdb.DuckDBPyConnection,
    values_table: str,
    column: SampledColumn,
    values: Values,
    candidates: Sequence[Candidate],
    best: Candidate,
    odd: int,
) -> list[str]:
    """Why a column that nearly has a type is text all the same; nothing for plain text."""
    loads_anyway = zip(candidates, values.fits, values.changes, strict=True)
    if any(
        c.is_number and changes and fits + changes == values.relevant
        for c, fits, changes in loads_anyway
    ):
        return ["digits kept as text: leading zeros, a sign or a length that a number would lose"]
    if odd <= values.relevant // 5:
        examples = _examples(con, values_table, column, best)
        return [
            f"text, because {odd} of {values.relevant} values are not {_word(best)}: {examples}"
        ]
    return []


def _word(one: Candidate) -> str:
    return {"BOOLEAN": "true or false", "DATE": "dates", "TIMESTAMP": "instants"}.get(
        one.column.type, "numbers"
    )


def _text(empty: int, *notes: str) -> Judged:
    return Judged(candidate("VARCHAR", "").column, empty, notes)


def _spellings(found: Iterable[str]) -> str:
    return ", ".join(ascii(spelling) for spelling in sorted(found))


def _examples(
    con: duckdb.DuckDBPyConnection, values_table: str, column: SampledColumn, one: Candidate
) -> str:
    found = con.execute(
        f"select left(original, 40) from ({_tried(values_table, one, [column.handle])}) "
        "where not (loads and guarded) order by cast(rows as bigint) desc, original "
        f"limit {_SHOWN}"
    ).fetchall()
    return ", ".join(ascii(value) for (value,) in found)


# -- declared types ------------------------------------------------------------------------

_DECLARED = {
    "TINYINT": "BIGINT",
    "SMALLINT": "BIGINT",
    "INTEGER": "BIGINT",
    "BIGINT": "BIGINT",
    "UTINYINT": "BIGINT",
    "USMALLINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "HUGEINT": "DECIMAL(38,0)",
    "FLOAT": "DOUBLE",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "VARCHAR": "VARCHAR",
}
_LOSES = {
    "TIMESTAMP_NS": "nanoseconds are cut to microseconds",
    "TIMESTAMP WITH TIME ZONE": "instants with a time zone are kept in UTC",
}


def judge_declared(column: SampledColumn, sample: Sample) -> Judged:
    """Choose the type of a column whose source declares one that can be trusted."""
    empty = sample.rows - column.filled - column.bytes_only
    if column.kind == "BLOB":
        return judge_bytes(column, sample)
    found = _DECLARED.get(column.kind) or _decimal(column.kind)
    if found:
        notes = [_LOSES[column.kind]] if column.kind in _LOSES else []
        return Judged(candidate(found, "").column, empty, tuple(notes))
    return _text(empty, f"{column.kind.split('(')[0].lower()} in the source, kept as text")


def _decimal(kind: str) -> str | None:
    match = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2])
    if scale == 0 and precision <= 18:
        return "BIGINT"
    return "DECIMAL(18,2)" if scale <= 2 and precision - scale <= 16 else kind


def judge_bytes(column: SampledColumn, sample: Sample) -> Judged:
    """Choose between bytes and text for a column that holds bytes."""
    empty = sample.rows - column.filled - column.bytes_only
    if column.bytes_only or not column.filled:
        return Judged(candidate("BLOB", "").column, empty)
    return _text(empty, "bytes in the source that are all UTF-8 text, read as text")
