"""From a contract to SQL: how a source row is cast, and why it would be rejected.

The compiler looks at the columns a relation offers and yields expressions; it runs
nothing. Casting never changes a value: what a cast would round, cut or guess is a reason
to quarantine the row. `loader.py` runs the SQL, `asset_checks/contracts.py` uses the rules
that only warn.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from inventory_platform.contracts.base import (
    METADATA_COLUMNS,
    Check,
    Column,
    TableContract,
    snake_case,
)
from inventory_platform.duck import WHOLE_NUMBERS, identifier, literal
from inventory_platform.errors import ContractError, SchemaDriftError
from inventory_platform.sources.base import Malformed, Relation


@dataclass(frozen=True)
class Drift:
    """One difference between what a contract declares and what the source offers."""

    change: str
    column: str
    detail: str

    def __str__(self) -> str:
        return f"{self.change}: {self.column} ({self.detail})"


@dataclass(frozen=True)
class Rule:
    """One reason to reject a row, in SQL.

    Attributes:
        suspicion: A cheap condition that holds for every such row and for few others.
        condition: What must hold besides.
        code: The reason's code, in SQL.
        message: The reason as a readable sentence.
    """

    suspicion: str
    condition: str
    code: str
    message: str

    @property
    def holds(self) -> str:
        """Whether the reason applies to a row."""
        return f"({self.suspicion}) and ({self.condition})"


@dataclass(frozen=True)
class Compiled:
    """A contract applied to the columns of one relation.

    Rows are cast in one SELECT and judged in the SELECT around it, so that a cast which
    several rules ask about is carried out once.

    Attributes:
        cast: Name in the inner SELECT → SQL over the relation's columns: each column as it
            came, the text it is read as where that differs, and the typed value.
        types: Name here → DuckDB type; columns unknown to the contract come last, as text.
        rules: Reasons to reject a row, over the inner SELECT, in the order of the columns.
        payload: SQL over the inner SELECT of the row as it came, as JSON text.
        drift: What the source offers otherwise than declared.
        has_malformed_rows: Whether the first rule is about rows that could not be split.
    """

    cast: Mapping[str, str]
    types: Mapping[str, str]
    rules: Sequence[Rule]
    payload: str
    drift: Sequence[Drift]
    has_malformed_rows: bool = False

    def select(self, relation: Relation) -> str:
        """The inner SELECT: every column cast, and the row's place in the source."""
        columns = dict(self.cast)
        if relation.position:
            columns["_position"] = f"cast({relation.position} as bigint)"
        if relation.origin:
            columns["_origin"] = f"cast({relation.origin} as varchar)"
        if relation.sequence:
            columns["_sequence"] = relation.sequence
        listed = ", ".join(f"{sql} as {identifier(name)}" for name, sql in columns.items())
        return f"select {listed} from ({relation.sql})"

    def reject(self, relation: Relation) -> str:
        """SQL of a JSON text that says why a row is rejected; null for an accepted row.

        It holds `position`, `origin`, `code`, `reason` and `payload`. A struct would say the
        same, but costs four times as much to write where it is null.
        """
        position = "_position" if relation.position else "null"
        origin = "_origin" if relation.origin else "null"
        if not self.rules:
            return "cast(null as varchar)"
        codes = " ".join(f"when {r.holds} then {r.code}" for r in self.rules)
        each = ", ".join(f"case when {r.holds} then {r.message} end" for r in self.rules)
        reason = f"concat_ws('; ', {each})"
        if self.has_malformed_rows:
            # Of a row that could not be split into columns nothing else can be said.
            reason = f"coalesce({self.rules[0].message}, {reason})"
        # Rules with the same suspicion share it, so that most rows are asked only that.
        suspicions: dict[str, list[str]] = {}
        for rule in self.rules:
            suspicions.setdefault(rule.suspicion, []).append(f"({rule.condition})")
        failed = " or ".join(f"(({s}) and ({' or '.join(c)}))" for s, c in suspicions.items())
        return (
            f"case when {failed} then cast(to_json({{"
            f"'position': cast({position} as bigint), 'origin': cast({origin} as varchar), "
            f"'code': case {codes} end, "
            f"'reason': {reason}, 'payload': {self.payload}}}) as varchar) end"
        )


def compile_contract(
    contract: TableContract,
    offered: Mapping[str, str],
    now: datetime,
    malformed: Malformed | None = None,
    *,
    unchecked_text: bool = False,
) -> Compiled:
    """Apply a contract to the columns a relation offers.

    Args:
        contract: What the table must look like.
        offered: Source column → DuckDB type.
        now: The load's instant, naive UTC; cursor values far ahead of it are rejected.
        malformed: How rows that could not be split into columns are told.
        unchecked_text: Whether text may hold bytes that are not UTF-8; the SELECT then fails on
            them with a conversion error instead of passing them on.

    Raises:
        SchemaDriftError: A required column is missing.
        ContractError: The contract uses a rule that cannot be carried out.
    """
    unwanted = set(contract.elsewhere) - {column.source for column in contract.columns}
    offered = {name: kind for name, kind in offered.items() if name not in unwanted}
    matched, drift = _match_columns(contract, offered)
    cast = {_came(name): identifier(name) for name in offered}
    types: dict[str, str] = {}
    payload = _payload(offered)
    rules: list[Rule] = []
    if malformed:
        complaint, line, code = "_complaint", "_line", "_code"
        cast |= {complaint: malformed.complaint, line: malformed.text, code: malformed.code}
        rules.append(Rule(f"{complaint} is not null", "true", code, complaint))
        payload = (
            f"case when {complaint} is null then {payload} "
            f"else cast(to_json({{'line': {line}}}) as varchar) end"
        )
    for column in contract.columns:
        source_name = matched.get(column.name)
        if source_name is None:
            cast[column.name] = f"cast(null as {column.type})"
        else:
            columns, cast_rules = _cast(column, source_name, offered[source_name])
            cast |= columns
            rules += cast_rules
            if column.name == contract.cursor and column.type in {"TIMESTAMP", "DATE"}:
                rules.append(_not_after(now + contract.clock_tolerance, column))
        types[column.name] = column.type
    for source_name, name in _unknown_columns(contract, offered, matched):
        cast[name] = _readable(identifier(source_name), offered[source_name])
        types[name] = "VARCHAR"
    if unchecked_text:
        for name in [n for n, kind in types.items() if kind == "VARCHAR"]:
            cast[name] = f"decode(encode({cast[name]}))"
    return Compiled(cast, types, rules, payload, drift, malformed is not None)


def known_in_text(contract: TableContract, offered: Sequence[str]) -> dict[str, tuple[Column, str]]:
    """What a contract knows of rows that were kept as text, whatever is missing in them.

    Args:
        contract: What the table must look like.
        offered: The names of the rows' values.

    Returns:
        Name of a value → the column it is of, and SQL of that column's typed value.
    """
    columns = tuple(replace(column, required=False) for column in contract.columns)
    kinds = dict.fromkeys(offered, "VARCHAR")
    matched, _ = _match_columns(replace(contract, columns=columns), kinds)
    found = {name: contract.by_name[column] for column, name in matched.items()}
    return {name: (c, _cast(c, name, "VARCHAR")[0][c.name]) for name, c in found.items()}


# Names of the inner SELECT that no column here can have, as those are plain identifiers.
def _came(source_name: str) -> str:
    return f"source:{source_name}"


def _read_as(source_name: str) -> str:
    return f"text:{source_name}"


def _match_columns(
    contract: TableContract, offered: Mapping[str, str]
) -> tuple[dict[str, str], list[Drift]]:
    matched = {c.name: c.source for c in contract.columns if c.source in offered}
    exact = set(matched.values())
    left = _by_fold(name for name in offered if name not in exact)
    sought = _by_fold({c.source for c in contract.columns if c.name not in matched})
    drift: list[Drift] = []
    missing: list[Column] = []
    for column in contract.columns:
        if column.name in matched:
            continue
        fold = _fold(column.source)
        found = left.get(fold, [])
        # Of two that are written alike nobody knows which is meant, nor of names of signs only.
        if fold and len(found) == len(sought[fold]) == 1:
            matched[column.name] = found[0]
            drift.append(Drift("renamed", column.source, f"now written {found[0]!r}"))
        else:
            missing.append(column)
    known = set(matched.values())
    new = [name for name in offered if name not in known]
    required = [c for c in missing if c.required]
    if required:
        raise SchemaDriftError(_missing_text(contract, required, new), _MISSING_REMEDY)
    drift += [Drift("missing", c.source, "optional, read as empty") for c in missing]
    drift += [Drift("added", name, f"{offered[name]}, kept as text") for name in new]
    return matched, drift


_MISSING_REMEDY = (
    "Restore the column in the source, or correct the contract: the new name as `source`, or "
    "`Optional[...]` if it may be absent. The last good state stays until then."
)


def _missing_text(contract: TableContract, missing: Sequence[Column], new: Sequence[str]) -> str:
    parts = []
    for column in missing:
        similar = difflib.get_close_matches(column.source, new, n=1, cutoff=0.6)
        hint = f" (did {similar[0]!r} take its place?)" if similar else ""
        parts.append(f"{column.source!r}{hint}")
    return (
        f"Source {contract.source!r}, table {contract.source_table!r} no longer has the required "
        f"column{'s' if len(parts) > 1 else ''} {', '.join(parts)}."
    )


def _fold(name: str) -> str:
    return "".join(ch for ch in name.casefold() if ch.isalnum())


def _by_fold(written: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in written:
        found.setdefault(_fold(name), []).append(name)
    return found


def _unknown_columns(
    contract: TableContract, offered: Mapping[str, str], matched: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    taken = {*contract.by_name, *METADATA_COLUMNS}
    known = set(matched.values())
    for source_name in offered:
        if source_name in known:
            continue
        name = snake_case(source_name)
        while name in taken:
            name += "_x"
        taken.add(name)
        yield source_name, name


def _payload(offered: Mapping[str, str]) -> str:
    fields = ", ".join(
        f"{literal(n)}: {_readable(identifier(_came(n)), kind)}" for n, kind in offered.items()
    )
    return f"cast(to_json({{{fields}}}) as varchar)"


def _readable(raw: str, kind: str) -> str:
    if kind == "BLOB":
        return f"coalesce(try(decode({raw})), '\\x' || hex({raw}))"
    return f"cast({raw} as varchar)"


# -- casting -----------------------------------------------------------------------------


def _cast(column: Column, source_name: str, kind: str) -> tuple[dict[str, str], list[Rule]]:
    """The columns of the inner SELECT that a column needs, and the rules it brings."""
    columns: dict[str, str] = {}
    rules: list[Rule] = []
    value = identifier(column.name)
    came = raw = identifier(_came(source_name))
    text = identifier(source_name)
    shown = _readable(came, kind)
    if kind == "BLOB" and column.type != "BLOB":
        text = f"try(decode({text}))"
        raw = identifier(_read_as(source_name))
        complaint = _says(column, shown, "is not valid UTF-8 text")
        rules.append(Rule(f"{raw} is null", f"{came} is not null", literal("not_text"), complaint))
        kind = "VARCHAR"
    if column.null_values and kind == "VARCHAR":
        listed = ", ".join(literal(v) for v in column.null_values)
        text = f"case when {text} in ({listed}) then null else {text} end"
        raw = identifier(_read_as(source_name))
    if raw != came:
        columns[_read_as(source_name)] = text
    if kind == "VARCHAR":
        columns[column.name], refused = _from_text(column, text, raw)
        empty = "" if column.is_text else f" and trim({raw}) <> ''"
    else:
        columns[column.name], refused = _from_typed(column, text, raw, kind)
        empty = ""
    rules += [
        Rule(
            suspicion,
            f"{condition} and {raw} is not null{empty}",
            literal(code),
            _says(column, shown, complaint),
        )
        for suspicion, condition, code, complaint in refused
    ]
    if not column.nullable:
        absent = f"{raw} is null{empty.replace(' and ', ' or ').replace('<>', '=')}"
        complaint = literal(f"{column.source} has no value but needs one")
        rules.append(Rule(f"{value} is null", absent, literal("missing_value"), complaint))
        if column.is_text:
            # Only a text that begins with a blank, or is empty, sorts before '!'.
            suspicion, condition = f"{value} < '!'", f"trim({value}) = ''"
            rules.append(Rule(suspicion, condition, literal("missing_value"), complaint))
    rules += [
        Rule(
            f"not ({_condition(check, value, column)})",
            "true",
            literal(code),
            _says(column, value, complaint),
        )
        for check in column.checks
        if not check.warn_only
        for code, complaint in [_complaint(check)]
    ]
    return columns, rules


@dataclass(frozen=True)
class Reading:
    """How a value of an earlier load is read, which was written with another type.

    Attributes:
        offered: SQL of the value, to be put in its place first: in a type the rules know.
        columns: Name → SQL over that, as in `Compiled.cast`.
        is_refused: SQL over the columns: whether the value does not fit.
        complaint: SQL of the reason as a readable sentence.
    """

    offered: str
    columns: Mapping[str, str]
    is_refused: str
    complaint: str


def reading(column: Column, kind: str) -> Reading:
    """Read a column as a source is read that offers it in the type `kind`.

    What the contract says of values besides their type is for rows that come.
    """
    offered = identifier(column.name)
    if (kind, column.type) == ("TIMESTAMP", "DATE"):
        # Of an instant that was right a contract may come to want the day alone.
        offered, kind = f"cast({offered} as date)", "DATE"
    elif kind not in {"VARCHAR", "BLOB"} and not _is_alike(kind, column.type):
        offered, kind = f"cast({offered} as varchar)", "VARCHAR"
    columns, rules = _cast(replace(column, nullable=True, checks=()), column.name, kind)
    complaints = " ".join(f"when {r.holds} then {r.message}" for r in rules)
    return Reading(
        offered,
        {_came(column.name): identifier(column.name)} | columns,
        " or ".join(f"({r.holds})" for r in rules) or "false",
        f"case {complaints} end" if rules else "null",
    )


def _is_alike(kind: str, other: str) -> bool:
    """Whether values of two types mean the same where both can hold them."""
    whole, dates = {*WHOLE_NUMBERS, "BOOLEAN"}, {"DATE", "TIMESTAMP"}
    return any(
        {kind, other} <= family
        for family in (whole, dates, {k for k in (kind, other) if _is_number(k)})
    )


def _is_number(kind: str) -> bool:
    return kind in {*WHOLE_NUMBERS, "FLOAT", "DOUBLE"} or kind.startswith("DECIMAL")


def _says(column: Column, shown: str, complaint: str) -> str:
    if column.personal:
        return literal(f"{column.source} {complaint} (value not shown, personal data)")
    return (
        f"{literal(column.source + ': ')} || chr(39) || left(cast({shown} as varchar), 60) "
        f"|| chr(39) || {literal(' ' + complaint)}"
    )


# Suspicion, condition, code, complaint.
_Refusals = list[tuple[str, str, str, str]]


def _from_text(column: Column, text: str, raw: str) -> tuple[str, _Refusals]:
    """SQL that casts `text`, and the refusals in terms of its name `raw` and of the value's."""
    value = identifier(column.name)
    match column.type:
        case "VARCHAR":
            return text, []
        case "BLOB":
            return f"encode({text})", []
        case "BOOLEAN":
            return f"try_cast({text} as boolean)", [
                (f"{value} is null", "true", "not_a_boolean", "is neither true nor false")
            ]
        case "DATE":
            return _date_from_text(column, text, raw)
        case "TIMESTAMP":
            return _timestamp_from_text(column, text)
        case _:
            return _number_from_text(column, text, raw)


# DuckDB also reads 0x1F and 1_000, which are not numbers in anybody's data; with a decimal
# comma, points are only taken for thousands where they stand between thousands.
_NUMBER = {
    ".": r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*",
    ",": r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d*)?\s*",
}


def _number_from_text(column: Column, text: str, raw: str) -> tuple[str, _Refusals]:
    value = identifier(column.name)
    plain = raw
    if column.decimal_mark == ",":
        text, plain = (f"replace(replace({t}, '.', ''), ',', '.')" for t in (text, raw))
    shape = f"not regexp_full_match({raw}, {literal(_NUMBER[column.decimal_mark])})"
    complaint = "is not a number, or too large for its column"
    refused: _Refusals = [(f"{value} is null", "true", "not_a_number", complaint)]
    if column.type == "DOUBLE":
        refused += [
            (f"not isfinite({value})", "true", "not_a_number", "is not a finite number"),
            (shape, "true", "not_a_number", "is not a number"),
        ]
    else:
        # Most numbers are written as they would be printed; only others need a closer look.
        unusual = f"cast({value} as varchar) <> {raw}"
        refused.append((unusual, shape, "not_a_number", "is not a number"))
        if column.type.startswith("DECIMAL"):
            refused.append((unusual, _cut(column, plain), "too_precise", _decimals(column)))
        else:
            condition = f"try_cast({plain} as decimal(38, 19)) is distinct from {value}"
            refused.append((unusual, condition, "not_an_integer", "is not a whole number"))
    return f"try_cast({text} as {column.type})", refused


def _rounded(column: Column, as_double: str) -> str:
    # A double holds fifteen digits: what differs only beyond them was never said.
    difference = f"abs({as_double} - cast({identifier(column.name)} as double))"
    return f"{difference} > 1e-9 and {difference} > 4e-15 * abs({as_double})"


def _cut(column: Column, plain: str) -> str:
    """SQL that says whether a text has digits that its column has no room for."""
    scale = _scale(column)
    further = rf"\.[0-9]{{{scale}}}[0-9]*[1-9]"
    # The text of a double, such as 0.30000000000000004, has more digits than anybody meant: the
    # decimals up to the ninth are the number, and so is all of one with an exponent.
    room = max(9 - scale, 1)
    is_noise = (
        rf"regexp_matches({plain}, '\.[0-9]{{{scale}}}(0{{{room}}}|9{{{room}}})') "
        rf"and regexp_matches({plain}, '[1-9]\.?([0-9]\.?){{15}}')"
    )
    as_double = _rounded(column, f"try_cast({plain} as double)")
    return (
        f"regexp_matches({plain}, '[eE]|{further}') and case when regexp_matches({plain}, '[eE]') "
        f"then {as_double} else not ({is_noise}) end"
    )


def _scale(column: Column) -> int:
    return int(column.type.rstrip(")").split(",")[1])


def _decimals(column: Column) -> str:
    return f"has more than {_scale(column)} decimals"


# DuckDB also reads `epoch` and `infinity`.
_DIGIT_FIRST = literal(r"^\s*[0-9]")


def _date_from_text(column: Column, text: str, raw: str) -> tuple[str, _Refusals]:
    value = identifier(column.name)
    if column.formats:
        formats = f"[{', '.join(map(literal, column.formats))}]"
        listed = " or ".join(column.formats)
        return f"cast(try_strptime({text}, {formats}) as date)", [
            (f"{value} is null", "true", "not_a_date", f"is not a date written {listed}"),
            (
                f"try_strptime({raw}, {formats}) <> cast({value} as timestamp)",
                "true",
                "not_a_date",
                "has a time of day",
            ),
        ]
    complaint = "is not a date (YYYY-MM-DD)"
    return f"try_cast({text} as date)", [
        (f"{value} is null or not isfinite({value})", "true", "not_a_date", complaint),
        (
            # The cast to a date ignores whatever follows the day.
            f"cast({value} as varchar) <> {raw}",
            f"(try_cast(trim({raw}) as timestamp) is distinct from cast({value} as timestamp) "
            f"or not regexp_matches({raw}, {_DIGIT_FIRST}))",
            "not_a_date",
            "is not a date alone (YYYY-MM-DD)",
        ),
    ]


def _timestamp_from_text(column: Column, text: str) -> tuple[str, _Refusals]:
    value = identifier(column.name)
    if column.formats:
        formats = f"[{', '.join(map(literal, column.formats))}]"
        listed = " or ".join(column.formats)
        return f"try_strptime({text}, {formats})", [
            (f"{value} is null", "true", "not_a_timestamp", f"is not a time written {listed}")
        ]
    complaint = "is not an instant (YYYY-MM-DD HH:MM:SS)"
    # The plain cast drops a UTC offset without a word; the zoned one honours it but is slower,
    # so it is kept for texts that leave room for an offset.
    cast = (
        f"case when {text} like '____-__-_____:__:__' or {text} like '____-__-_____:__:__%Z' "
        f"then try_cast({text} as timestamp) "
        f"when regexp_matches({text}, {_DIGIT_FIRST}) "
        f"then cast(try_cast({text} as timestamptz) as timestamp) end"
    )
    return cast, [(f"{value} is null", "true", "not_a_timestamp", complaint)]


def _from_typed(column: Column, text: str, raw: str, kind: str) -> tuple[str, _Refusals]:
    """The same for a value that has a type already."""
    value = identifier(column.name)
    if kind == column.type or (column.type == "BIGINT" and kind in WHOLE_NUMBERS):
        cast = text if kind == column.type else f"cast({text} as {column.type})"
        if column.type in {"DOUBLE", "TIMESTAMP", "DATE"}:
            code = {"DOUBLE": "not_a_number", "DATE": "not_a_date"}.get(
                column.type, "not_a_timestamp"
            )
            return cast, [(f"not isfinite({value})", "true", code, "is not finite")]
        return cast, []
    cast = f"try_cast({text} as {column.type})"
    missing = f"{value} is null"
    match column.type:
        case "VARCHAR":
            return f"cast({text} as varchar)", []
        case "BIGINT" | "INTEGER":
            return cast, [
                (missing, "true", "not_a_number", "is not a number of this size"),
                (f"{value} <> {raw}", "true", "not_an_integer", "is not a whole number"),
            ]
        case "DATE":
            return cast, [
                (missing, "true", "not_a_date", "is not a date"),
                (f"not isfinite({value})", "true", "not_a_date", "is not a date"),
                (f"cast({value} as timestamp) <> {raw}", "true", "not_a_date", "has a time of day"),
            ]
        case "TIMESTAMP":
            return cast, [
                (missing, "true", "not_a_timestamp", "is not an instant"),
                (f"not isfinite({value})", "true", "not_a_timestamp", "is not an instant"),
            ]
        case "BOOLEAN":
            # Of the numbers, only 0 and 1 are truth values.
            odd = f"cast({value} as integer) <> {raw}" if kind in WHOLE_NUMBERS else "false"
            return cast, [
                (f"{missing} or {odd}", "true", "not_a_boolean", "is neither true nor false")
            ]
        case _ if column.type.startswith("DECIMAL"):
            is_floating = kind in {"DOUBLE", "FLOAT"}
            differs = _rounded(column, f"cast({raw} as double)")
            return cast, [
                (missing, "true", "not_a_number", "is not a number of this size"),
                (
                    differs if is_floating else f"{value} <> {raw}",
                    "true",
                    "too_precise",
                    _decimals(column),
                ),
            ]
        case _:
            return cast, [(missing, "true", "not_a_number", "is not a number")]


# -- rules on values -----------------------------------------------------------------------


def _not_after(limit: datetime, column: Column) -> Rule:
    value = identifier(column.name)
    return Rule(
        f"{value} > timestamp {literal(limit.isoformat(sep=' '))}",
        "true",
        literal("in_the_future"),
        _says(column, value, "is in the future"),
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, bool | int | float):
        return str(value)
    return literal(str(value))


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(_value(v) for v in values)


_CONDITIONS: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    "greater_than_or_equal_to": lambda v, a: f"{v} >= {_value(a['min_value'])}",
    "greater_than": lambda v, a: f"{v} > {_value(a['min_value'])}",
    "less_than_or_equal_to": lambda v, a: f"{v} <= {_value(a['max_value'])}",
    "less_than": lambda v, a: f"{v} < {_value(a['max_value'])}",
    "not_equal_to": lambda v, a: f"{v} <> {_value(a['value'])}",
    "in_range": lambda v, a: (
        f"{v} {'>=' if a.get('include_min', True) else '>'} {_value(a['min_value'])} and "
        f"{v} {'<=' if a.get('include_max', True) else '<'} {_value(a['max_value'])}"
    ),
    "isin": lambda v, a: f"{v} in ({_listed(a['allowed_values'])})",
    "notin": lambda v, a: f"{v} not in ({_listed(a['forbidden_values'])})",
    "str_matches": lambda v, a: f"regexp_matches({v}, {literal('^(?:' + a['pattern'] + ')')})",
    "str_length": lambda v, a: (
        f"length({v}) between {a.get('min_value') or 0} and {a.get('max_value') or 2**31}"
        if a.get("exact_value") is None
        else f"length({v}) = {a['exact_value']}"
    ),
}


def _condition(check: Check, value: str, column: Column) -> str:
    build = _CONDITIONS.get(check.name)
    if build is None:
        raise ContractError(
            f"Column {column.name!r} uses the check {check.name!r}, which cannot be carried out "
            "while loading.",
            f"Use one of: {', '.join(sorted(_CONDITIONS))}.",
        )
    return build(value, check.arguments)


def _complaint(check: Check) -> tuple[str, str]:
    match check.name:
        case "isin" | "notin":
            return "not_allowed", "is not an allowed value"
        case "str_matches":
            return "bad_format", f"does not match {check.arguments['pattern']}"
        case "str_length":
            return "bad_length", "has the wrong length"
        case _:
            limits = [str(v) for v in check.arguments.values() if not isinstance(v, bool)]
            return "out_of_range", f"must be {check.name.replace('_', ' ')} {' and '.join(limits)}"


def warning_conditions(contract: TableContract) -> dict[str, str]:
    """SQL conditions that hold for a row which breaks a rule that only warns, by column."""
    return {
        column.name: f"not ({_condition(check, identifier(column.name), column)})"
        for column in contract.columns
        for check in column.checks
        if check.warn_only
    }
