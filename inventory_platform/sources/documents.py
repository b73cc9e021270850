"""From JSON documents to rows: how a table is taken out of pages, lines or messages.

A document may hold many rows, deep inside, and a row may need values of what encloses it. A
contract says where with two small notations.

Rows, after the colon of the table's `source`: `orders:[]` (the document is a list),
`orders:Result.Data[]` (a list inside), `orders:[].Items[]` (the lists inside each of a list's
elements). Without a path the document itself is the row.

Columns: `Status` or `GeneralInfo.Status` below the row's element; `^OrderId` in the element
around it, `^^OrderId` one further out; `#` the place in the list, from 1; `@name` a fact about
the document, which comes as a column of that name beside it. Two names that differ only in
capitals are one to the engine: the second is written `./Name`.

How documents are got is not said here: pages, files and messages each bring a SELECT.

Most sources write every row alike. Then a document is parsed once, into the very shape its
first rows have, and anything else in it, however late, is an error that leads to the other
way: one element at a time, where each is judged before it is opened.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import duckdb

from inventory_platform.duck import columns_of, identifier, literal
from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Malformed, Relation, Request

_PLACE = "#"
_FACT = "@"
_OUTWARD = "^"

# Of so many documents the longest one says what rows look like.
_FIRST = 20
_OTHER = "error('A row is not like the first ones.')"


@dataclass
class _Level:
    """One kind of element on the way to the rows: the document, or what a list holds.

    Attributes:
        path: Steps from the enclosing element to the list; none for a document.
        census: JSON path of every such element of a document.
        columns: Column as the contract names it → steps to its value.
    """

    path: tuple[str, ...]
    census: str
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Census:
    """What names the rows have, below each of their objects, and whether anything is broken."""

    names: dict[tuple[str, ...], list[str]]
    is_broken: bool


@dataclass(frozen=True)
class _Documents:
    """A SELECT of documents and what is known beside each of them."""

    sql: str
    described: dict[str, str]

    @property
    def facts(self) -> dict[str, str]:
        """Name of every fact → its type."""
        return {name: kind for name, kind in self.described.items() if name.startswith(_FACT)}

    @property
    def position(self) -> str | None:
        """Where a document stands in its origin."""
        return "position" if "position" in self.described else None


def rows_of(con: duckdb.DuckDBPyConnection, documents: str, request: Request) -> Iterator[Relation]:
    """Yield the rows of a table in JSON documents: at once if they are all alike, then with care.

    Args:
        con: Connection to look at the documents with.
        documents: A SELECT with the columns `document` (text), and where known `origin`,
            `position` (place of the document in its origin), `sequence` and facts named `@…`.
        request: The table, its columns, and the names it may have besides.

    Yields:
        A relation whose scan fails where a row is not like the first ones, unless these say
        already that they are not alike; then that of `careful_rows`.

    Raises:
        SourceError: The table's path cannot be followed.
    """
    alike = _alike_rows(con, documents, request)
    if alike is not None:
        yield alike
    yield careful_rows(con, documents, request)


def careful_rows(con: duckdb.DuckDBPyConnection, documents: str, request: Request) -> Relation:
    """The rows of a table in JSON documents of any kind, as for `rows_of`.

    A document that is not JSON, and an element or value on the way that is of another kind
    than the table says, becomes a malformed row of its own with its text.

    Raises:
        SourceError: The table's path cannot be followed.
    """
    given = _Documents(documents, columns_of(con, documents))
    levels = _levels(request, given)
    census = _census(con, given, levels)
    names = [*request.columns, *_add_unknown(census, levels[-1], request)]
    position = "_n1" if len(levels) > 1 else given.position
    if census.is_broken and given.position and len(levels) > 1:
        # What stands for a document as a whole has no place in a list.
        position = f"coalesce(_n1, {given.position})"
    last = len(levels) - 1
    body = f"select *{_values(levels[last], last)} from ({_judged(given, levels, last)})"
    malformed = Malformed("_complaint", "_text") if census.is_broken else None
    return _relation(body, names, levels, given, position, malformed)


def stream_of(table: str) -> str:
    """The name of the documents a table is taken from.

    >>> stream_of("orders:Items[]")
    'orders'
    """
    return table.partition(":")[0]


# -- paths ---------------------------------------------------------------------------------


def _levels(request: Request, documents: _Documents) -> list[_Level]:
    """The kinds of element on the way to the rows, with the columns that come out of each."""
    levels = _path_of(request.table)
    for name in request.columns:
        _place_column(name, levels, documents.facts)
    return levels


def _path_of(table: str) -> list[_Level]:
    """The kinds of element on the way to the rows.

    >>> [level.path for level in _path_of("orders:[].Items[]")]
    [(), (), ('Items',)]
    """
    path = table.partition(":")[2]
    levels = [_Level((), "$")]
    if path and not path.endswith("[]"):
        raise SourceError(
            f"Table {table!r} does not end at a list.",
            "Write the path of its rows with [] at the end, for example `orders:Items[]`.",
        )
    for part in path.split("[]")[:-1]:
        steps = tuple(step for step in part.split(".") if step)
        levels.append(_Level(steps, levels[-1].census + _json_path(steps) + "[*]"))
    return levels


def _json_path(steps: Sequence[str]) -> str:
    return "".join(f'."{step}"' for step in steps)


def _below(steps: Sequence[str]) -> str:
    return "".join("." + identifier(step) for step in steps)


def _place_column(name: str, levels: list[_Level], facts: dict[str, str]) -> None:
    if name.startswith(_FACT):
        if name not in facts:
            raise SourceError(
                f"The source knows no fact {name!r} about its documents.",
                f"Known facts: {', '.join(sorted(facts)) or 'none'}.",
            )
        return
    path = name.lstrip(_OUTWARD)
    level = len(levels) - 1 - (len(name) - len(path))
    if level < 0:
        raise SourceError(
            f"Column {name!r} looks further out than the document.",
            "Take away one `^` for every list that is not there.",
        )
    if path != _PLACE:
        steps = path.removeprefix("./").split(".")
        levels[level].columns[name] = tuple(steps)


def _objects(level: _Level) -> list[tuple[str, ...]]:
    """The objects of an element that a column comes out of, itself first."""
    steps = level.columns.values()
    return sorted({()} | {each[:length] for each in steps for length in range(1, len(each))})


# -- what is in the documents --------------------------------------------------------------


def _census(con: duckdb.DuckDBPyConnection, documents: _Documents, levels: list[_Level]) -> _Census:
    """Look at the names of every row. Objects are looked into where a column comes out of them."""
    objects = _objects(levels[-1])
    paths = ", ".join(literal("$" + _json_path(steps)) for steps in objects)
    # Few rows differ in their names, so that few lists of them are taken apart.
    found = con.execute(
        "with kinds as materialized (select any_value(keys) as keys, broken from ("
        f"select json_keys(_v, [{paths}]) as keys, _complaint is not null as broken "
        f"from ({_judged(documents, levels, len(levels) - 1)})) group by hash(keys), broken) "
        "select distinct place, unnest(keys[place]) as name "
        f"from kinds, range(1, {len(objects) + 1}) places(place) where not broken "
        "union all (select 0, null from kinds where broken limit 1) order by all"
    ).fetchall()
    names: dict[tuple[str, ...], list[str]] = {steps: [] for steps in objects}
    for place, name in found:
        if place:
            names[objects[place - 1]].append(name)
    return _Census(names, any(place == 0 for place, _ in found))


def _add_unknown(census: _Census, level: _Level, request: Request) -> list[str]:
    """Add names that rows have and nobody declared, as a contract would write them."""
    declared = {
        name.removeprefix("./")
        for name in request.columns
        if not name.startswith((_OUTWARD, _FACT))
    }
    known = {*declared, *request.elsewhere, *(".".join(steps) for steps in census.names if steps)}
    taken = {name.casefold() for name in request.columns}
    unknown = []
    for steps, names in census.names.items():
        for each in names:
            name = ".".join((*steps, each))
            if name in known:
                continue
            if name.casefold() in taken or name.startswith((_OUTWARD, _FACT, _PLACE)):
                name = f"./{name}"
            taken.add(name.casefold())
            level.columns[name] = (*steps, each)
            unknown.append(name)
    return unknown


# -- SQL -----------------------------------------------------------------------------------


def _relation(
    body: str,
    names: Sequence[str],
    levels: list[_Level],
    given: _Documents,
    position: str | None,
    malformed: Malformed | None = None,
) -> Relation:
    """The columns of a table out of a SELECT with the values of every level."""
    columns: dict[str, str] = {}
    found: dict[str, str] = {}
    for number, level in enumerate(levels):
        if number:
            place = _OUTWARD * (len(levels) - 1 - number) + _PLACE
            found[place], columns[place] = f"_n{number}", "BIGINT"
        for turn, group in enumerate(_split(level)):
            for name, steps in group.items():
                found[name] = f"_v{number}_{turn}{_below(steps)}"
    placed = {
        "_origin": "origin" if "origin" in given.described else None,
        "_sequence": "sequence" if "sequence" in given.described else None,
        "_position": position,
    }
    listed = [f"{found.get(name) or identifier(name)} as {identifier(name)}" for name in names]
    listed += [f"{sql} as {name}" for name, sql in placed.items() if sql]
    listed += [malformed.complaint, malformed.text] if malformed else []
    kinds = given.facts | columns
    return Relation(
        sql=f"select {', '.join(listed)} from ({body})",
        columns={name: kinds.get(name, "VARCHAR") for name in names},
        origin="_origin" if placed["_origin"] else None,
        sequence="_sequence" if placed["_sequence"] else None,
        position="_position" if placed["_position"] else None,
        malformed=malformed,
        suspect=malformed is not None,
    )


def _split(level: _Level) -> list[dict[str, tuple[str, ...]]]:
    """The columns of a level in groups within which no two names differ only in capitals."""
    groups: list[dict[str, tuple[str, ...]]] = []
    for name, steps in level.columns.items():
        for group in groups:
            if not any(_collide(steps, other) for other in group.values()):
                group[name] = steps
                break
        else:
            groups.append({name: steps})
    return groups


def _collide(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    # Also a value that is wanted whole and in part at the same time.
    short = min(len(one), len(other))
    folded = [tuple(step.casefold() for step in steps[:short]) for steps in (one, other)]
    return (folded[0] == folded[1] and (len(one) != len(other) or one != other)) or any(
        a != b and a.casefold() == b.casefold() for a, b in zip(one, other, strict=False)
    )


def _shape(columns: Collection[tuple[str, ...]]) -> dict[str, Any]:
    """The structure one parse looks for, as DuckDB's `from_json` takes it."""
    shape: dict[str, Any] = {}
    for steps in columns:
        _put(shape, steps, "VARCHAR")
    return shape


def _put(shape: dict[str, Any], steps: Sequence[str], value: Any) -> None:
    for step in steps[:-1]:
        shape = shape.setdefault(step, {})
    shape[steps[-1]] = value


# -- with care -----------------------------------------------------------------------------


def _judged(documents: _Documents, levels: list[_Level], number: int) -> str:
    """A SELECT with the elements of a level as text `_v`, and what is wrong with each.

    An element that is of the wrong kind is not opened: `_complaint` and `_text` go on in one
    row without a `_v`.
    """
    level = levels[number]
    wanted = [("$" + _json_path(steps), "OBJECT") for steps in _objects(level)]
    if number + 1 < len(levels):
        below = levels[number + 1].path
        wanted += [
            ("$" + _json_path(below[:length]), "OBJECT" if length < len(below) else "ARRAY")
            for length in range(len(below) + 1)
        ]
    if number + 1 < len(levels) and not levels[number + 1].path:
        # The element is a list itself.
        wanted = [each for each in wanted if each[1] == "ARRAY"]
    wanted = list(dict.fromkeys(wanted))
    kinds = f"json_type(_v, [{', '.join(literal(path) for path, _ in wanted)}])"
    whens = "".join(
        f" when _kinds[{place}] {_is_other(path, kind, number, levels)} then "
        f"{literal(_complaint(path, kind))}"
        for place, (path, kind) in enumerate(wanted, start=1)
    )
    if number == 0:
        opened = (
            "select * exclude (document), document as _v, null::varchar as _complaint, "
            f"null::varchar as _text from ({documents.sql})"
        )
        kinds = f"case when json_valid(_v) then {kinds} end"
        whens = f" when _kinds is null then 'is not JSON'{whens}"
    else:
        outer = _judged(documents, levels, number - 1)
        inner = f"json_extract(_v, {literal('$' + _json_path(level.path) + '[*]')})"
        opened = (
            f"select * exclude (_v, _list), unnest(_list) as _v, "
            f"generate_subscripts(_list, 1) as _n{number} from ("
            f"select *{_values(levels[number - 1], number - 1)}, "
            f"case when _complaint is null then {inner} else [null] end as _list from ({outer}))"
        )
        place = f"if(_complaint is null, _n{number}, null) as _n{number}"
        opened = f"select * replace ({place}) from ({opened})"
    own = f"case when _complaint is not null then null{whens} end"
    return (
        "select * exclude (_kinds, _own) replace ("
        "coalesce(_complaint, _own) as _complaint, "
        "if(_own is null, _text, _v::varchar) as _text, if(_own is null, _v, null) as _v) "
        f"from (select *, {own} as _own from (select *, {kinds} as _kinds from ({opened})))"
    )


def _is_other(path: str, kind: str, number: int, levels: list[_Level]) -> str:
    # What is absent or null holds nothing; a row, and what a list holds, must be there.
    is_element = path == "$" and (number > 0 or len(levels) == 1)
    return f"<> '{kind}'" if is_element else f"not in ('{kind}', 'NULL')"


def _complaint(path: str, kind: str) -> str:
    noun = {"OBJECT": "an object", "ARRAY": "a list"}[kind]
    return f"is not {noun}" if path == "$" else f"does not hold {noun} at {path}"


def _values(level: _Level, number: int) -> str:
    """What the columns of a level need, as SQL over `_v`.

    Names that differ only in capitals do not fit into one shape; each takes another parse.
    """
    return "".join(
        f", from_json(_v, {literal(json.dumps(_shape(columns.values())))}) as _v{number}_{turn}"
        for turn, columns in enumerate(_split(level))
        if columns
    )


# -- all alike -----------------------------------------------------------------------------


def _alike_rows(
    con: duckdb.DuckDBPyConnection, documents: str, request: Request
) -> Relation | None:
    """The rows if each has the names of the first ones; None where even these differ.

    The parse fails at a name that is missing or there twice and at a value of another kind;
    after that, the number of names says that there is no other one.
    """
    given = _Documents(documents, columns_of(con, documents))
    levels = _levels(request, given)
    some = f"select * from ({documents}) limit {_FIRST}"
    first = f"select * from ({some}) order by length(document) desc limit 1"
    census = _census(con, replace(given, sql=first), levels)
    if census.is_broken or not census.names[()]:
        return None
    names = [*request.columns, *_add_unknown(census, levels[-1], request)]
    row = _row_shape(census, levels[-1])
    shape = row and _whole_shape(row, levels)
    if not row or not shape:
        return None
    checks = " and ".join(_has_no_other(levels[-1], steps, row) for steps in _objects(levels[-1]))
    body = (
        f"select * exclude (_is_alike) replace (if(_is_alike, _v0_0, {_OTHER}) as _v0_0) from ("
        f"select *, from_json_strict(document, {literal(json.dumps(shape))}) as _v0_0, "
        f"coalesce({checks}, false) as _is_alike from ({documents}))"
    )
    for number, level in enumerate(levels[1:], start=1):
        source = f"_v{number - 1}_0{_below(level.path)}"
        if number > 1:
            is_there = f"if(_v{number - 1}_0 is null, {_OTHER}, _v{number - 1}_0)"
            body = f"select * replace ({is_there} as _v{number - 1}_0) from ({body})"
        body = (
            f"select *, unnest({source}) as _v{number}_0, "
            f"generate_subscripts({source}, 1) as _n{number} from ({body})"
        )
    position = "_n1" if len(levels) > 1 else given.position
    return _relation(body, names, levels, given, position)


def _row_shape(census: _Census, level: _Level) -> dict[str, Any] | None:
    """The shape of a row with all its names; None where a column is missing or two collide."""
    there = {(*steps, name) for steps, names in census.names.items() for name in names}
    wanted = set(level.columns.values())
    opened = {steps for steps in _objects(level) if steps}
    if any(each not in there and census.names[each[:-1]] for each in wanted | opened):
        return None
    # What no column reads is looked for, and not kept.
    unread = there - wanted - opened
    if any(_collide(one, other) for one, other in combinations(wanted | unread, 2)):
        return None
    shape = _shape(wanted)
    for steps in unread:
        _put(shape, steps, "NULL")
    return shape


def _whole_shape(row: dict[str, Any], levels: list[_Level]) -> Any:
    """The shape of a document with such rows; None where columns around them collide."""
    shape: Any = row
    for number in range(len(levels) - 2, -1, -1):
        below, columns = levels[number + 1].path, set(levels[number].columns.values())
        if any(_collide(one, other) for one, other in combinations((*columns, below), 2)):
            return None
        inner, shape = shape, _shape(columns)
        if below:
            _put(shape, below, [inner])
        else:
            shape = [inner]
    return shape


def _has_no_other(level: _Level, steps: tuple[str, ...], row: dict[str, Any]) -> str:
    """SQL over documents that have the names of a shape: whether an object has no other ones."""
    for step in steps:
        row = row[step]
    path = level.census + _json_path(steps)
    keys = f"json_keys(document, {literal(path)})"
    if "[*]" not in path:
        return f"len({keys}) {'<=' if steps else '='} {len(row)}"
    if steps:
        # An object may be null, which has no names at all.
        return (
            f"coalesce(list_max(list_transform({keys}, lambda names: len(names))), 0) <= {len(row)}"
        )
    return f"len(flatten({keys})) = {len(row)} * len({keys})"
