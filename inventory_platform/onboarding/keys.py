"""What identifies a row, what tells that it changed, what it refers to, what is personal.

Declared keys and references are taken when the data keeps them. Otherwise a key needs a name
or a place that supports it: that values happen to be different is not enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import duckdb

from inventory_platform.contracts.base import Column
from inventory_platform.onboarding.sample import Sample

_IDENTIFIES = {
    *("id", "code", "key", "number", "no", "nr", "num", "uuid", "guid", "sku", "isbn", "ean"),
    *("gtin", "symbol", "ticker", "slug", "ref", "reference"),
}
_PERIOD = {
    *("date", "day", "week", "month", "quarter", "year", "period", "time", "timestamp", "at"),
    *("line", "seq", "sequence", "position", "version", "revision"),
}
_KEY_TYPES = {"BIGINT", "VARCHAR", "DATE", "TIMESTAMP"}
_LONGEST_KEY = 100
_PARTS = 8
# A name that every table may use for its own key says nothing about another table.
_GENERIC = {"id", "code", "key", "name", "number", "no", "nr", "num", "uuid", "date", "year"}
_CHANGED = re.compile(
    r"(last_)?(updated?|modified|modification|changed?)"
    r"(_(at|on|date|time|datetime|timestamp|ts|utc))?|(date|time)_(updated|modified|changed)"
)
_CLEARLY_PERSONAL = re.compile(
    r"(^|_)(e_?mail|birth_?da(y|te)|date_of_birth|place_of_birth|born|dob|ssn|passport|iban|surname"
    r"|forename|(first|last|given|family|middle)_?name|contact)(_|$)|contact_?name"
)
_PERSONAL_OF_PEOPLE = re.compile(
    r"(^|_)(name|phone|telephone|tel|fax|mobile|cell|address|street|postal|postcode|zip|zipcode"
    r"|photo)(_|$)"
)
_PEOPLE = re.compile(
    r"(^|_)(customer|client|employee|person|people|contact|user|member|staff|patient|lead"
    r"|subscriber|supplier|vendor|agent|recipient|buyer|visitor|guest)"
)
_OF_A_PERSON_ELSEWHERE = re.compile(
    r"(^|_)(ship|shipping|bill|billing|delivery|customer|client|recipient|buyer|employee|user)_"
)
_NOT_A_PERSON = re.compile(
    r"(^|_)(company|product|category|file|supplier|vendor|table|column|item|user_?agent)(_|$)"
    r"|_path(_|$)"
)


@dataclass
class Table:
    """A table whose types are known, with what is found out about its rows.

    `handles` names the sample's column for each column here.
    """

    name: str
    sample: Sample
    columns: dict[str, Column]
    handles: Mapping[str, str]
    key: tuple[str, ...] = ()
    cursor: str | None = None
    references: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def by_source(self) -> dict[str, str]:
        """Column in the source → column here."""
        return {column.source: name for name, column in self.columns.items()}


def find_key(con: duckdb.DuckDBPyConnection, table: Table, others: Iterable[str]) -> None:
    """Set the key of a table: as declared, as guessed, or none.

    Args:
        con: The connection that holds the sample.
        table: The table.
        others: The names of the other tables of the source.
    """
    here = table.by_source()
    declared = tuple(here[name] for name in table.sample.table.key if name in here)
    if declared and _is_key(con, table, declared):
        table.key = declared
        return
    if declared:
        table.notes.append(
            f"the declared key ({', '.join(declared)}) is not unique and filled in the data"
        )
    if table.sample.rows == 0:
        table.notes.append("no rows to find a key in: keyless")
        return
    repeated = table.sample.rows - table.sample.distinct(con, list(table.handles.values()))
    if repeated:
        table.notes.append(f"keyless: {repeated} rows repeat another one exactly")
        return
    possible = _possible_keys(con, table, [_singulars(_joined(name)) for name in others])
    found = next((key for key in possible if _is_key(con, table, key)), ())
    table.key = found
    if not found:
        table.notes.append("keyless: no column that could identify a row is unique")
        return
    where = "" if table.sample.is_whole else " in the sample"
    table.notes.append(
        f"key guessed: ({', '.join(found)}) is unique in all {table.sample.rows} rows{where}"
    )


def _is_key(con: duckdb.DuckDBPyConnection, table: Table, names: Sequence[str]) -> bool:
    if any(table.columns[name].null_values for name in names):
        return False
    handles = [table.handles[name] for name in names]
    filled = {c.handle: c.filled for c in table.sample.columns}
    if any(filled[handle] < table.sample.rows for handle in handles):
        return False
    return table.sample.distinct(con, handles) == table.sample.rows


def _possible_keys(
    con: duckdb.DuckDBPyConnection, table: Table, others: Sequence[set[str]]
) -> Iterator[tuple[str, ...]]:
    """Keys to try: single columns, the likeliest first, then pairs and triples."""
    able = [name for name, column in table.columns.items() if _may_identify(con, table, column)]
    ranked = sorted(
        (rank, place, name)
        for place, name in enumerate(able)
        if (rank := _rank(name, table, is_first=name == next(iter(table.columns)))) is not None
    )
    foreign = [
        name for rank, _, name in ranked if rank and any(_is_own(name, own) for own in others)
    ]
    # A table that links two others has a key of both, even while one of them does not repeat.
    links = foreign if len(foreign) > 1 else []
    yield from ((name,) for _, _, name in ranked if name not in links)
    naming = [name for name in able if _last_word(name) in _IDENTIFIES]
    parts = [*naming, *(n for n in able if n not in naming and _last_word(n) in _PERIOD)][:_PARTS]
    for size in (2, 3):
        for key in combinations(parts, size):
            if set(key) & set(naming):
                yield key


def _may_identify(con: duckdb.DuckDBPyConnection, table: Table, column: Column) -> bool:
    if column.nullable or column.type not in _KEY_TYPES:
        return False
    handle = table.handles[column.name]
    row = con.execute(f"select max(length({handle})) from {table.sample.relation}").fetchone()
    return bool(row and row[0] is not None and row[0] <= _LONGEST_KEY)


def _rank(name: str, table: Table, *, is_first: bool) -> int | None:
    """How well a name supports that a column identifies the rows; None for not at all."""
    own = _singulars(_joined(table.name))
    last = _last_word(name)
    if name.rstrip("_") == last in _IDENTIFIES or _is_own(name, own):
        return 0
    if last == "id":
        return 1
    if last in _IDENTIFIES:
        return 2
    if _joined(name) in own:
        return 3
    return 4 if is_first else None


def _is_own(name: str, own: set[str]) -> bool:
    """Whether a column is named like a table with `id`, `code` or the like behind."""
    last = _last_word(name)
    return last in _IDENTIFIES and _joined(name).removesuffix(last) in own


def _joined(name: str) -> str:
    return name.replace("_", "")


def _last_word(name: str) -> str:
    return name.rstrip("_").rpartition("_")[2]


def _singulars(name: str) -> set[str]:
    return {
        name,
        name.removesuffix("s"),
        name.removesuffix("es"),
        f"{name.removesuffix('ies')}y" if name.endswith("ies") else name,
    }


def find_cursor(table: Table) -> None:
    """Set the column that tells when a row last changed, where there is one beyond doubt."""
    for name, column in table.columns.items():
        if not (table.key and column.type == "TIMESTAMP" and _CHANGED.fullmatch(name)):
            continue
        filled = next(c.filled for c in table.sample.columns if c.source == column.source)
        if column.null_values or not filled or filled < table.sample.rows:
            continue
        table.cursor = name
        table.notes.append(
            f"cursor guessed: {name}; only rows that changed are read, deleted rows are not noticed"
        )
        return


def find_references(con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> None:
    """Set the references between tables: as declared, then by equal names of keys."""
    by_source_name = {t.sample.table.name.casefold(): t for t in tables}
    keys = {t.key[0]: t for t in tables if len(t.key) == 1}
    shared = [name for name in keys if sum(t.key == (name,) for t in tables) > 1]
    for table in tables:
        schema = table.sample.table.name.rpartition(".")[0]
        for source_name, (to_table, to_column) in table.sample.table.references.items():
            target = by_source_name.get(f"{schema}.{to_table}".casefold()) or by_source_name.get(
                to_table.casefold()
            )
            _refer_as_declared(table, source_name, target, to_column)
        for name in table.columns:
            found = keys.get(name)
            if found is None or found is table or name in shared or name in table.references:
                continue
            if name not in _GENERIC and table.columns[name].type == found.columns[name].type:
                table.references[name] = f"{found.name}.{name}"
                table.notes.append(_how_many_found(con, table, found, name))


def _refer_as_declared(
    table: Table, source_name: str, target: Table | None, to_column: str
) -> None:
    name = table.by_source().get(source_name)
    if name is None or target is None:
        return
    there = {column.source.casefold(): n for n, column in target.columns.items()}
    to_name = there.get(to_column.casefold())
    if to_name and table.columns[name].type == target.columns[to_name].type:
        table.references[name] = f"{target.name}.{to_name}"


def _how_many_found(con: duckdb.DuckDBPyConnection, table: Table, target: Table, name: str) -> str:
    here, there = table.handles[name], target.handles[name]
    row = con.execute(
        f"select count(*) from {table.sample.relation} where {here} is not null and {here} not in "
        f"(select {there} from {target.sample.relation} where {there} is not null)"
    ).fetchone()
    orphans = int(row[0]) if row else 0
    but = f"; {orphans} rows refer to nothing there" if orphans else ""
    return f"reference guessed: {name} to {target.name}.{name}{but}"


def is_personal(table: str, column: str) -> bool:
    """Whether a column seems to hold personal data, by its name and its table's."""
    if _CLEARLY_PERSONAL.search(column):
        return True
    if _NOT_A_PERSON.search(column) or not _PERSONAL_OF_PEOPLE.search(column):
        return False
    return bool(_PEOPLE.search(table) or _OF_A_PERSON_ELSEWHERE.search(column))
