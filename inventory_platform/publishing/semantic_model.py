"""The semantic model: which marts analysts build reports on, how they relate, what is measured.

Put together from the marts' contracts and two files kept by hand, `powerbi/model.toml` and
`powerbi/measures.toml`; whatever in them no contract knows is refused by name. How it is written
for Power BI belongs to `power_bi.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inventory_platform.duck import identifier, literal
from inventory_platform.errors import ContractError
from inventory_platform.publishing.marts import Mart

MODEL_FILE = "model.toml"
MEASURES_FILE = "measures.toml"

_STRICT = ConfigDict(extra="forbid", frozen=True)
_MEASURE_NAME = re.compile(r"\[([^\]]+)\]")
_COLUMN_NAME = re.compile(r"(\w+)\[(\w+)\]")

_SUM = r"^\[[^\]]+\]( [-+] \[[^\]]+\])*$"
_RATIO = r"^\[[^\]]+\] / \[[^\]]+\]$"

Formula = Annotated[str, Field(pattern=f"{_SUM}|{_RATIO}")]


class Measure(BaseModel):
    """A figure, computed for whatever a report filters by.

    Attributes:
        name: What readers see.
        table: The table it is shown with, and counts in.
        folder: Its subject.
        format: How it is shown.
        description: What it means.
        sum: Column that is added up.
        distinct: Column whose values are counted once each.
        largest: Column of which the largest value is taken.
        count: Whether rows are counted.
        where: Column → the truth, or the values, that rows must have to count.
        unless: Column → the truth, or the values, that rows must not have; unknown ones count.
        at_least: Column → the number that rows must reach to count.
        known: Columns that must be known for a row to count.
        on_last_day: Whether only the last of the filtered days counts, as for stock.
        weeks_before: How many weeks before the filtered days it is counted.
        has_weeks_before: Only days count that the calendar has so many weeks before too.
        day: Column of the day it is counted on, where that is not the day of the table.
        formula: Sum and difference of measures, or one by another.
        when_filtered: Dimension → the formula that takes the place of the other where a report
            filters by it.
        dax: An expression that is none of these.
        equals: A query over the marts that must give the same for everything there is.
    """

    model_config = _STRICT

    name: str
    table: str
    folder: str
    format: Literal["money", "units", "number", "share", "day"]
    description: str
    sum: str = ""
    distinct: str = ""
    largest: str = ""
    count: bool = False
    where: dict[str, bool | list[str]] = {}
    unless: dict[str, bool | list[str]] = {}
    at_least: dict[str, int] = {}
    known: list[str] = []
    on_last_day: bool = False
    weeks_before: int = 0
    has_weeks_before: int = 0
    day: str = ""
    formula: Formula | None = None
    when_filtered: dict[str, Formula] = {}
    dax: str = ""
    equals: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Measure:
        ways = [self.sum, self.distinct, self.largest, self.count, self.formula, self.dax]
        if sum(map(bool, ways)) != 1:
            raise ValueError("needs exactly one of sum, distinct, largest, count, formula, dax")
        if self.when_filtered and not self.formula:
            raise ValueError("when_filtered stands beside a formula")
        return self

    @property
    def columns(self) -> list[tuple[str, str]]:
        """The columns it reads, with their table."""
        named = [self.sum, self.distinct, self.largest, self.day]
        own = [*named, *self.where, *self.unless, *self.at_least, *self.known]
        return [*((self.table, name) for name in own if name), *_COLUMN_NAME.findall(self.dax)]

    @property
    def measures(self) -> list[str]:
        """The measures it is made of."""
        others = _COLUMN_NAME.sub("", self.dax)
        said = [self.formula or others, *self.when_filtered.values()]
        return [name for text in said for name in _MEASURE_NAME.findall(text)]

    @property
    def needs_days(self) -> bool:
        """Whether it counts on days other than those that are filtered."""
        return self.on_last_day or bool(self.weeks_before or self.has_weeks_before)


class _Declared(BaseModel):
    """What `model.toml` says."""

    model_config = _STRICT

    dimensions: dict[str, str]
    dates: dict[str, str]
    sorted_by: dict[str, str]
    left_out: dict[str, str]


class _Measures(BaseModel):
    """What `measures.toml` says."""

    model_config = _STRICT

    measure: list[Measure]


_File = TypeVar("_File", _Declared, _Measures)


@dataclass(frozen=True)
class Relationship:
    """Rows of a table and the one row of a dimension that filters them.

    Attributes:
        is_active: Whether it filters without being asked; one of a table and a dimension does.
    """

    table: str
    column: str
    dimension: str
    key: str
    is_active: bool = True


@dataclass(frozen=True)
class SemanticModel:
    """Tables, relationships and measures, all known to fit.

    Attributes:
        tables: The marts in the model, by name.
        keys: Dimension → its key.
        calendar: The dimension of days.
        relationships: What filters what.
        sorted_by: Table and column → the column of the same table that orders it.
        measures: The figures, by name.
        dates: Table → the day it is counted on.
    """

    tables: Mapping[str, Mart]
    keys: Mapping[str, str]
    calendar: str
    relationships: Sequence[Relationship]
    sorted_by: Mapping[tuple[str, str], str]
    measures: Mapping[str, Measure]
    dates: Mapping[str, str]

    def is_hidden(self, table: str, column: str) -> bool:
        """Whether readers are better served by another column, or by none."""
        refers = any((r.table, r.column) == (table, column) for r in self.relationships)
        return refers or column == "last_load_id"

    def dax(self, measure: Measure) -> str:
        """A measure as Power BI computes it."""
        if measure.dax:
            return measure.dax
        if measure.formula:
            said = _dax_formula(measure.formula)
            for dimension, formula in measure.when_filtered.items():
                said = f"IF(ISCROSSFILTERED({dimension}), {_dax_formula(formula)}, {said})"
            return said
        table = measure.table
        if measure.count:
            counted = f"COUNTROWS({table})"
        else:
            function, column = _aggregate(measure)
            counted = f"{_DAX[function]}({table}[{column}])"
        # Beside what the report filters by, not instead of it.
        filters = [f"KEEPFILTERS({c})" for c in _dax_conditions(measure)]
        day = f"{self.calendar}[{self.keys[self.calendar]}]"
        if measure.day:
            filters.append(f"USERELATIONSHIP({table}[{measure.day}], {day})")
        if measure.on_last_day:
            filters.append(f"LASTDATE({day})")
        if measure.weeks_before:
            filters.append(f"DATEADD({day}, -{7 * measure.weeks_before}, DAY)")
        if days := 7 * measure.has_weeks_before:
            filters.append(f"FILTER(VALUES({day}), {day} - {days} >= MINX(ALL({day}), {day}))")
        return f"CALCULATE({', '.join([counted, *filters])})" if filters else counted

    def sql(self, measure: Measure, filtered_by: str = "") -> str | None:
        """A measure as an expression of SQL, or None where DAX alone says it.

        Tables are named as they are; where they are found is the caller's, and so is what they are
        filtered by.

        Args:
            measure: The measure.
            filtered_by: The dimension by which the tables are filtered, if any; it is not the
                calendar.
        """
        if measure.dax:
            return None
        if measure.formula:
            formula = measure.when_filtered.get(filtered_by, measure.formula)
            return self._sql_of_formula(formula, filtered_by)
        table = identifier(measure.table)
        if measure.count:
            counted = "count(*)"
        else:
            function, column = _aggregate(measure)
            counted = _SQL[function].format(identifier(column))
        conditions = list(_sql_conditions(measure))
        if measure.needs_days:
            conditions += self._sql_days(measure)
        where = f" where {' and '.join(conditions)}" if conditions else ""
        return f"(select {counted} from {table}{where})"

    def _sql_days(self, measure: Measure) -> Iterator[str]:
        own = identifier(measure.day or self.dates[measure.table])
        day = identifier(self.keys[self.calendar])
        first, last = (f"(select {end}({day}) from {self.calendar})" for end in ("min", "max"))
        if measure.on_last_day:
            yield f"{own} = {last}"
        if measure.weeks_before:
            yield f"{own} + {7 * measure.weeks_before} <= {last}"
        if measure.has_weeks_before:
            yield f"{own} - {7 * measure.has_weeks_before} >= {first}"

    def _sql_of_formula(self, formula: str, filtered_by: str) -> str | None:
        names = _MEASURE_NAME.findall(formula)
        parts = {name: self.sql(self.measures[name], filtered_by) for name in names}
        if None in parts.values():
            return None
        first, _, second = formula.partition(" / ")
        if second:
            return f"cast({parts[first[1:-1]]} as double) / nullif({parts[second[1:-1]]}, 0)"
        # In DAX, nothing counts as zero beside a number.
        return "(" + _MEASURE_NAME.sub(lambda m: f"coalesce({parts[m[1]]}, 0)", formula) + ")"


_DAX = {"sum": "SUM", "distinct": "DISTINCTCOUNTNOBLANK", "largest": "MAX"}
_SQL = {"sum": "sum({})", "distinct": "count(distinct {})", "largest": "max({})"}


def read_model(folder: Path, marts: Mapping[str, Mart]) -> SemanticModel:
    """Put the semantic model together.

    Args:
        folder: Where the files kept by hand are.
        marts: Every mart, by name.

    Raises:
        ContractError: A file is not as it must be, or names what no contract knows.
    """
    declared = _read(folder / MODEL_FILE, _Declared)
    listed = _read(folder / MEASURES_FILE, _Measures).measure
    _refuse([f"mart {name}" for name in declared.left_out if name not in marts], MODEL_FILE)
    tables = {name: mart for name, mart in marts.items() if name not in declared.left_out}
    _refuse(_unknown_columns(tables, declared), MODEL_FILE)
    closed = [m.name for m in tables.values() if not (m.is_public and m.is_contracted)]
    if closed:
        raise ContractError(
            f"Not public under an enforced contract, so no report may build on it: "
            f"{', '.join(closed)}.",
            f"Make it so, or leave it out in {MODEL_FILE}.",
        )
    days = [t for t, key in declared.dimensions.items() if _type(tables, t, key) == "date"]
    if len(days) != 1:
        raise ContractError("Exactly one dimension is keyed by days.", f"Correct {MODEL_FILE}.")
    model = SemanticModel(
        tables=tables,
        keys=declared.dimensions,
        calendar=days[0],
        relationships=tuple(_relationships(tables, declared, listed, days[0])),
        sorted_by={
            (table, column): order
            for named, order in declared.sorted_by.items()
            for table, _, column in [named.partition(".")]
        },
        measures={measure.name: measure for measure in listed},
        dates=declared.dates,
    )
    _refuse(_unknown_in_measures(model, listed), MEASURES_FILE)
    return model


def _read(file: Path, kind: type[_File]) -> _File:
    try:
        return kind.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ContractError(f"{file} cannot be read: {error}", "Correct it.") from error
    except ValidationError as error:
        said = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{file.name} is not as it must be. {said}", "Correct it.") from error


def _place(location: Iterable[int | str]) -> str:
    return ".".join(map(str, location))


def _relationships(
    tables: Mapping[str, Mart],
    declared: _Declared,
    listed: Sequence[Measure],
    calendar: str,
) -> Iterator[Relationship]:
    for table in tables.values():
        if table.name in declared.dimensions:
            # A dimension that filtered another would reach facts in two ways.
            continue
        for dimension, key in declared.dimensions.items():
            column = declared.dates.get(table.name, "") if dimension == calendar else key
            if column in table.columns:
                yield Relationship(table.name, column, dimension, key)
        for column in sorted({m.day for m in listed if m.day and m.table == table.name}):
            key = declared.dimensions[calendar]
            yield Relationship(table.name, column, calendar, key, is_active=False)


def _unknown_columns(tables: Mapping[str, Mart], declared: _Declared) -> Iterator[str]:
    named = [*declared.dimensions.items(), *declared.dates.items()]
    for pair, order in declared.sorted_by.items():
        table, _, column = pair.partition(".")
        named += [(table, column), (table, order)]
    yield from (f"{t}.{c}" for t, c in named if not _type(tables, t, c))
    yield from (f"day {t}.{c}" for t, c in declared.dates.items() if _type(tables, t, c) != "date")


def _unknown_in_measures(model: SemanticModel, listed: Sequence[Measure]) -> Iterator[str]:
    columns = {column.lower() for mart in model.tables.values() for column in mart.columns}
    for measure in listed:
        where = f"{measure.name!r} in"
        if measure.table not in model.tables:
            yield f"{where} table {measure.table}"
        for table, column in measure.columns:
            if not _type(model.tables, table, column):
                yield f"{where} column {table}.{column}"
        yield from (f"{where} measure [{n}]" for n in measure.measures if n not in model.measures)
        if measure.day and _type(model.tables, measure.table, measure.day) != "date":
            yield f"{where} day {measure.table}.{measure.day}"
        yield from (f"{where} dimension {d}" for d in measure.when_filtered if d not in model.keys)
        if measure.needs_days and measure.table not in model.dates:
            yield f"{where} the day of {measure.table}"
        if measure.name.lower() in columns:
            yield f"{where} a name of its own; a column has it"
    names = [measure.name.lower() for measure in listed]
    yield from (f"{name!r} once; it is there twice" for name in names if names.count(name) > 1)


def _refuse(unknown: Iterable[str], file: str) -> None:
    if found := sorted(set(unknown)):
        raise ContractError(
            f"{file} names what the marts of the model do not have: {'; '.join(found)}.",
            "Correct the name, or the mart's contract.",
        )


def _type(tables: Mapping[str, Mart], table: str, column: str) -> str:
    mart = tables.get(table)
    found = mart.columns.get(column) if mart else None
    return found.data_type if found else ""


def _aggregate(measure: Measure) -> tuple[str, str]:
    columns = {"sum": measure.sum, "distinct": measure.distinct, "largest": measure.largest}
    return next((function, column) for function, column in columns.items() if column)


def _dax_formula(formula: str) -> str:
    first, _, second = formula.partition(" / ")
    return f"DIVIDE({first}, {second})" if second else formula


def _dax_conditions(measure: Measure) -> Iterator[str]:
    # With one equals sign, nothing would be the same as false.
    def has(column: str, wanted: bool | list[str]) -> str:
        name = f"{measure.table}[{column}]"
        if isinstance(wanted, bool):
            return f"{name} == {str(wanted).upper()}()"
        return f"{name} IN {{{', '.join(map(_dax_text, wanted))}}}"

    yield from (has(*condition) for condition in measure.where.items())
    yield from (f"NOT ({has(*condition)})" for condition in measure.unless.items())
    yield from (f"{measure.table}[{c}] >= {least}" for c, least in measure.at_least.items())
    yield from (f"NOT ISBLANK({measure.table}[{column}])" for column in measure.known)


def _sql_conditions(measure: Measure) -> Iterator[str]:
    def has(column: str, wanted: bool | list[str]) -> str:
        if isinstance(wanted, bool):
            return f"{identifier(column)} = {str(wanted).lower()}"
        return f"{identifier(column)} in ({', '.join(map(literal, wanted))})"

    yield from (has(*condition) for condition in measure.where.items())
    yield from (f"not coalesce({has(*condition)}, false)" for condition in measure.unless.items())
    yield from (f"{identifier(c)} >= {least}" for c, least in measure.at_least.items())
    yield from (f"{identifier(column)} is not null" for column in measure.known)


def _dax_text(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
