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
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from inventory_platform.duck import identifier, literal
from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Malformed, Relation, Request, columns_of

_PLACE = "#"
_FACT = "@"
_OUTWARD = "^"


@dataclass
class _Level:
    """One kind of element on the way to the rows: the document, or what a list holds.

    Attributes:
        path: Steps from the enclosing element to the list; none for a document.
        columns: Column as the contract names it → steps to its value.
        census: JSON path of every such element of a document.
    """

    path: tuple[str, ...]
    census: str
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


def rows_of(con: duckdb.DuckDBPyConnection, documents: str, request: Request) -> Iterator[Relation]:
    """Yield the rows of a table in JSON documents.

    Args:
        con: Connection to look at the documents with.
        documents: A SELECT with the columns `document` (text), and where known `origin`,
            `position` (place of the document in its origin), `sequence` and facts named `@…`.
        request: The table, its columns, and the names it may have besides.

    Yields:
        One relation: where a document is not JSON, or holds no list where the rows should
        be, it becomes a malformed row of its own.

    Raises:
        SourceError: The table's path cannot be followed.
    """
    described = columns_of(con, documents)
    facts = {name: kind for name, kind in described.items() if name.startswith(_FACT)}
    levels = _levels(request.table)
    last = levels[-1]
    intact = _are_intact(con, documents, levels)
    readable = documents if intact else f"select * from ({documents}) where {_is_sound(levels)}"
    names = list(request.columns)
    names += _unknown_names(con, readable, last, request)
    for name in names:
        _place_column(name, levels, facts)
    body, expressions = _unnested(readable, levels)
    columns: dict[str, str] = {}
    listed: list[str] = []
    for name in names:
        columns[name] = facts.get(name, "BIGINT" if name.endswith(_PLACE) else "VARCHAR")
        listed.append(f"{expressions.get(name) or identifier(name)} as {identifier(name)}")
    placed = {
        "_origin": "origin" if "origin" in described else None,
        "_sequence": "sequence" if "sequence" in described else None,
        "_position": _position(levels, described),
    }
    listed += [f"{sql} as {name}" for name, sql in placed.items() if sql]
    sql = f"select {', '.join(listed)} from ({body})"
    if not intact:
        wrong = ", ".join(
            f"{sql if name != '_position' else _document_position(described)} as {name}"
            for name, sql in placed.items()
            if sql
        )
        sql += (
            f" union all by name select {_complaint(levels)} as _complaint, document as _text"
            f"{', ' + wrong if wrong else ''} from ({documents}) where not ({_is_sound(levels)})"
        )
    yield Relation(
        sql=sql,
        columns=columns,
        origin="_origin" if placed["_origin"] else None,
        sequence="_sequence" if placed["_sequence"] else None,
        position="_position" if placed["_position"] else None,
        malformed=None if intact else Malformed("_complaint", "_text"),
        suspect=not intact,
    )


def stream_of(table: str) -> str:
    """The name of the documents a table is taken from.

    >>> stream_of("orders:Items[]")
    'orders'
    """
    return table.partition(":")[0]


# -- paths ---------------------------------------------------------------------------------


def _levels(table: str) -> list[_Level]:
    """The kinds of element on the way to the rows.

    >>> [level.path for level in _levels("orders:[].Items[]")]
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


# -- what is in the documents --------------------------------------------------------------


def _are_intact(con: duckdb.DuckDBPyConnection, documents: str, levels: list[_Level]) -> bool:
    """Whether every document can be read and holds lists where the path says so."""
    row = con.execute(f"select bool_and({_is_sound(levels)}) from ({documents})").fetchone()
    return row is None or row[0] is not False


def _is_sound(levels: list[_Level]) -> str:
    if len(levels) == 1:
        # A document that is a row must be an object: of `5` or `[]` no column can be told.
        return "(case when json_valid(document) then json_type(document) = 'OBJECT' end is true)"
    wrong = " or ".join(
        f"len(list_filter(json_type(document, {literal(_list_path(level))}), "
        "lambda kind: kind not in ('ARRAY', 'NULL'))) > 0"
        if "[*]" in _list_path(level)
        else f"coalesce(json_type(document, {literal(_list_path(level))}), 'ARRAY') "
        "not in ('ARRAY', 'NULL')"
        for level in levels[1:]
    )
    return f"(case when json_valid(document) then not ({wrong}) end is true)"


def _list_path(level: _Level) -> str:
    return level.census.removesuffix("[*]")


def _complaint(levels: list[_Level]) -> str:
    expected = "an object" if len(levels) == 1 else f"a list at {_list_path(levels[-1])}"
    return (
        "case when document is null or not json_valid(document) then 'is not JSON' else "
        f"{literal(f'does not hold {expected}')} end"
    )


def _unknown_names(
    con: duckdb.DuckDBPyConnection, documents: str, level: _Level, request: Request
) -> list[str]:
    """Names that rows have and nobody declared, in the order of the alphabet."""
    declared = [
        name.removeprefix("./")
        for name in request.columns
        if not name.startswith((_OUTWARD, _FACT))
    ]
    known = {*declared, *request.elsewhere, _PLACE}
    # An object is looked into only where a column comes out of it.
    objects = {()} | {tuple(n.split(".")[:k]) for n in declared for k in range(1, n.count(".") + 1)}
    known |= {".".join(steps) for steps in objects if steps}
    found: list[str] = []
    for steps in sorted(objects):
        path = level.census + _json_path(steps)
        keys = f"json_keys(document, {literal(path)})"
        if "[*]" in path:
            keys = f"flatten({keys})"
        rows = con.execute(
            f"select distinct unnest(any_value(keys)) as name from (select {keys} as keys "
            f"from ({documents})) group by hash(keys) order by name"
        ).fetchall()
        found += [".".join((*steps, name)) for (name,) in rows]
    taken = {name.casefold() for name in request.columns}
    unknown = []
    for name in found:
        if name not in known:
            unknown.append(f"./{name}" if name.casefold() in taken else name)
            taken.add(name.casefold())
    return unknown


# -- SQL -----------------------------------------------------------------------------------


def _unnested(documents: str, levels: list[_Level]) -> tuple[str, dict[str, str]]:
    """A SELECT with one row for each element of the last level, and SQL of every column.

    Each document is parsed once, into the shape that the columns need; names that differ
    only in capitals do not fit into one shape and go through another parse each.
    """
    rounds = max(_rounds(level) for level in levels)
    listed = ", ".join(
        f"from_json(document, {literal(_shape(levels, turn))}) as _v0_{turn}"
        for turn in range(rounds)
    )
    body = f"select *, {listed} from ({documents})"
    for number, level in enumerate(levels[1:], start=1):
        sources = [
            f"_v{number - 1}_{turn}{''.join('.' + identifier(s) for s in level.path)}"
            for turn in range(rounds)
        ]
        unnested = ", ".join(
            f"unnest({source}) as _v{number}_{turn}" for turn, source in enumerate(sources)
        )
        body = (
            f"select *, {unnested}, generate_subscripts({sources[0]}, 1) as _n{number} "
            f"from ({body})"
        )
    expressions: dict[str, str] = {}
    for number, level in enumerate(levels):
        outward = _OUTWARD * (len(levels) - 1 - number)
        if number:
            expressions[outward + _PLACE] = f"_n{number}"
        for turn, columns in enumerate(_split(level)):
            for name, steps in columns.items():
                expressions[name] = f"_v{number}_{turn}" + "".join(
                    "." + identifier(step) for step in steps
                )
    return body, expressions


def _split(level: _Level) -> list[dict[str, tuple[str, ...]]]:
    """The columns of a level in groups within which no two names differ only in capitals."""
    groups: list[dict[str, tuple[str, ...]]] = [{}]
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


def _rounds(level: _Level) -> int:
    return len(_split(level))


def _shape(levels: list[_Level], turn: int) -> str:
    """The structure one parse looks for, as DuckDB's `from_json` takes it."""
    inner: Any = None
    for number in range(len(levels) - 1, -1, -1):
        groups = _split(levels[number])
        shape: dict[str, Any] = {}
        for steps in (groups[turn] if turn < len(groups) else {}).values():
            _put(shape, steps, "VARCHAR")
        if number < len(levels) - 1:
            below = levels[number + 1].path
            if not below:
                inner = [inner]
                continue
            _put(shape, below, [inner])
        # A structure needs a name; one that no document has costs nothing.
        inner = shape or {"": "VARCHAR"}
    return json.dumps(inner)


def _put(shape: dict[str, Any], steps: Sequence[str], value: Any) -> None:
    for step in steps[:-1]:
        shape = shape.setdefault(step, {})
    shape[steps[-1]] = value


def _position(levels: list[_Level], described: dict[str, str]) -> str | None:
    return "_n1" if len(levels) > 1 else _document_position(described)


def _document_position(described: dict[str, str]) -> str | None:
    return "position" if "position" in described else None
