"""How documents look: which rows and fields they are made of, and how an index maps them.

Pure SQL for DuckDB and pure JSON for the server; nothing is sent from here. A document is a row,
with the rows of others nested in it where the entry says so. DuckDB writes the JSON, so that a
decimal keeps its digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from inventory_platform.duck import WHOLE_NUMBERS, identifier
from inventory_platform.errors import PublishError
from inventory_platform.publishing.contents import Contents
from inventory_platform.publishing.marts import Mart

_LONGEST_EXACT = 8191
"""Characters of a text up to which it is kept as one term; the engine's limit is in bytes."""
_SURELY_EXACT = _LONGEST_EXACT // 2
"""The same where nobody knows how a server counts characters."""
_LONGEST_ID = 512
_SHAPE = 1
"""Raised when documents are made in another way, so that all are written anew."""
_SCALED_DIGITS = 18
"""Digits of a decimal up to which an index may keep it as a whole number."""


@dataclass(frozen=True)
class Nesting:
    """Rows that lie in documents.

    Attributes:
        field: Name of the list in the document.
        rows: The mart whose rows they are.
        by: Columns, of the same name in both, that say which document a row belongs to.
    """

    field: str
    rows: str
    by: tuple[str, ...]


@dataclass(frozen=True)
class DocumentKind:
    """One kind of documents, which is one index.

    Attributes:
        name: Its name, and the end of its alias.
        rows: The mart a document is a row of.
        nested: What lies in it.
    """

    name: str
    rows: str
    nested: tuple[Nesting, ...] = ()


@dataclass(frozen=True)
class FieldMeasure:
    """One number that is computed on both sides.

    Attributes:
        what: What it is, as a difference names it.
        path: The nested list it is in; empty for the document itself.
        field: The field, with its path; empty for the number of nested documents.
        aggregation: The server's name of it.
        value: The number here.
        scale: Sum of the absolute values.
    """

    what: str
    path: str
    field: str
    aggregation: str
    value: float
    scale: float


@dataclass(frozen=True)
class Documents:
    """One kind of documents of one published version.

    Attributes:
        name: Their name.
        rows: How many there are.
        fingerprint: Changes with their rows, their fields and how they are mapped.
        mapping: How an index maps them, without what is remembered of the publication.
        select: SQL that yields identifier and JSON of each.
        measures: What a server is compared by.
    """

    name: str
    rows: int
    fingerprint: str
    mapping: Mapping[str, Any]
    select: str
    measures: Sequence[FieldMeasure]


def documents_of(
    con: duckdb.DuckDBPyConnection,
    kind: DocumentKind,
    marts: Mapping[str, Mart],
    contents: Mapping[str, Contents],
) -> Documents:
    """Work out one kind of documents.

    Args:
        con: Reads the published files.
        kind: What they are made of.
        marts: What the models say of the marts.
        contents: What the published files hold.

    Raises:
        PublishError: A column to nest by is missing, a field is there twice, or a value has no
            counterpart in JSON.
    """
    root, mart = contents[kind.rows], marts[kind.rows]
    fields = [_packed(c, t, "r.") for c, t in root.columns.items()]
    properties = {c: _field(t) for c, t in root.columns.items()}
    joins, measures = [], _measures(con, kind, root, "")
    for number, nesting in enumerate(kind.nested):
        inner = contents[nesting.rows]
        _check(kind, nesting, root, inner)
        kept = {c: t for c, t in inner.columns.items() if c not in nesting.by}
        struct = ", ".join(_packed(c, t) for c, t in kept.items())
        keys = ", ".join(map(identifier, nesting.by))
        order = ", ".join(identifier(c) for c in marts[nesting.rows].key or kept)
        alias = f"nested_{number}"
        joins.append(
            f"left join (select {keys}, list(struct_pack({struct}) order by {order}) as items "
            f"from {inner.relation} group by {keys}) as {alias} using ({keys})"
        )
        fields.append(f"{identifier(nesting.field)} := coalesce({alias}.items, [])")
        properties[nesting.field] = {
            "type": "nested",
            "dynamic": "strict",
            "properties": {c: _field(t) for c, t in kept.items()},
        }
        measures += _nested_measures(con, kind, nesting, root, inner, kept)
    key = [c for c in mart.key if c in root.columns]
    select = (
        f"select {_identity(key)} as id, "
        f"to_json(struct_pack({', '.join(fields)}))::varchar as document "
        f"from {root.relation} as r {' '.join(joins)}"
    )
    mapping = {"dynamic": "strict", "properties": properties}
    seen = [_SHAPE, kind, mapping, key, root.fingerprint]
    seen += [contents[nesting.rows].fingerprint for nesting in kind.nested]
    fingerprint = hashlib.sha256(repr(seen).encode()).hexdigest()[:32]
    return Documents(kind.name, root.rows, fingerprint, mapping, select, measures)


def _packed(column: str, kind: str, relation: str = "") -> str:
    name = identifier(column)
    return f"{name} := {_value(relation + name, kind)}"


def _check(kind: DocumentKind, nesting: Nesting, root: Contents, inner: Contents) -> None:
    for column in nesting.by:
        for mart, columns in ((kind.rows, root.columns), (nesting.rows, inner.columns)):
            if column not in columns:
                raise PublishError(
                    f"documents.{kind.name}.nested.{nesting.field}: {mart} has no column "
                    f"{column!r}.",
                    "Correct `by` in destinations.toml.",
                )
    if nesting.field in root.columns:
        raise PublishError(
            f"documents.{kind.name}: {kind.rows} has a column {nesting.field!r} already.",
            "Give the nested field another name in destinations.toml.",
        )


def _identity(key: Sequence[str]) -> str:
    """The identifier of a document: its key; without one, the number of its row."""
    if not key:
        return "cast(row_number() over () as varchar)"
    # Marked, so that ('a|', 'b') is another key than ('a', '|b').
    parts = [
        f"replace(replace(coalesce(cast(r.{identifier(c)} as varchar), ''), '\\', '\\\\'), "
        "'|', '\\|')"
        for c in key
    ]
    text = " || '|' || ".join(parts)
    if len(key) == 1:
        text = f"cast(r.{identifier(key[0])} as varchar)"
    return (
        f"case when strlen({text}) between 1 and {_LONGEST_ID} then {text} else sha256({text}) end"
    )


def _value(name: str, kind: str) -> str:
    """A column, as SQL names it, the way JSON should hold it."""
    if kind.startswith("TIMESTAMP"):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind == "BLOB":
        return f"to_base64({name})"
    if kind in {"TIME", "UUID", "UBIGINT", "HUGEINT", "UHUGEINT"}:
        return f"cast({name} as varchar)"
    return name


def _field(kind: str) -> dict[str, Any]:
    """How an index maps a column of a DuckDB type."""
    base = kind.partition("(")[0]
    if base in WHOLE_NUMBERS:
        return {"type": "long"}
    if base == "DECIMAL":
        precision, scale = (int(n) for n in kind.partition("(")[2].rstrip(")").split(","))
        if precision <= _SCALED_DIGITS:
            return {"type": "scaled_float", "scaling_factor": 10**scale}
        return {"type": "double"}
    match base:
        case "BOOLEAN":
            return {"type": "boolean"}
        case "FLOAT" | "DOUBLE":
            return {"type": "double"}
        case "DATE":
            return {"type": "date", "format": "strict_date"}
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
            return {"type": "date", "format": "strict_date_optional_time"}
        case "BLOB":
            return {"type": "binary"}
        case "VARCHAR":
            # Whole for filters and sorting, its words for searching.
            return {
                "type": "keyword",
                "ignore_above": _LONGEST_EXACT,
                "fields": {"text": {"type": "text"}},
            }
        case "TIME" | "UUID" | "UBIGINT" | "HUGEINT" | "UHUGEINT":
            return {"type": "keyword"}
        case _:
            raise PublishError(
                f"Type {kind} has no counterpart in a search index.",
                "Cast the column in the model, or leave the mart out.",
            )


def _measures(
    con: duckdb.DuckDBPyConnection,
    kind: DocumentKind,
    rows: Contents,
    path: str,
    columns: Mapping[str, str] | None = None,
    where: str = "",
) -> list[FieldMeasure]:
    """Counts of all columns and sums of those that have one; days and instants as numbers."""
    columns = rows.columns if columns is None else columns
    wanted = [(c, *_computed(c, t)) for c, t in columns.items()]
    listed = ", ".join(part for _, *parts in wanted for part in parts)
    if not listed:
        return []
    values = iter(con.execute(f"select {listed} from {rows.relation} as r{where}").fetchall()[0])
    found = []
    for column, *_ in wanted:
        count, total, scale, odd = (next(values) for _ in range(4))
        field = f"{path}.{column}" if path else column
        if odd and columns[column] != "VARCHAR":
            raise PublishError(
                f"{kind.rows}: {odd} values of {field} are not a number or infinite, which a "
                "document cannot hold.",
                "Make them empty in the model, or leave the mart out.",
            )
        is_countable = columns[column] != "BLOB" and not odd
        if is_countable:
            found.append(
                FieldMeasure(f"values of {field}", path, field, "value_count", count, count)
            )
        if total is not None:
            found.append(
                FieldMeasure(f"sum of {field}", path, field, "sum", float(total), float(scale))
            )
    return found


def _computed(column: str, kind: str) -> tuple[str, str, str, str]:
    """SQL of a column's count, sum, sum of absolute values, and number of odd values."""
    c, base = identifier(column), kind.partition("(")[0]
    number = ""
    if base in {*WHOLE_NUMBERS, "DECIMAL", "FLOAT", "DOUBLE"}:
        number = f"cast({c} as double)" if base in {"FLOAT", "DOUBLE"} else c
    elif base == "DATE":
        number = f"(date_diff('day', date '1970-01-01', {c})::hugeint * 86400000)"
    elif base.startswith("TIMESTAMP"):
        number = f"epoch_ms({c})::hugeint"
    odd, finite = "0", ""
    if base in {"FLOAT", "DOUBLE", "DATE"} or base.startswith("TIMESTAMP"):
        odd, finite = f"count(*) filter (not isfinite({c}))", f" filter (isfinite({c}))"
    elif base == "VARCHAR":
        odd = f"count(*) filter (length({c}) > {_SURELY_EXACT})"
    if not number:
        return f"count({c})", "null", "null", odd
    return f"count({c})", f"sum({number}){finite}", f"sum(abs({number})){finite}", odd


def _nested_measures(
    con: duckdb.DuckDBPyConnection,
    kind: DocumentKind,
    nesting: Nesting,
    root: Contents,
    inner: Contents,
    kept: Mapping[str, str],
) -> list[FieldMeasure]:
    """The same of rows that lie in documents; those that belong to none are not there."""
    same = " and ".join(f"o.{identifier(c)} = r.{identifier(c)}" for c in nesting.by)
    where = f" where exists (select 1 from {root.relation} as o where {same})"
    counted = con.execute(f"select count(*) from {inner.relation} as r{where}").fetchall()[0][0]
    number = FieldMeasure(
        f"rows of {nesting.field}", nesting.field, "", "doc_count", counted, counted
    )
    return [number, *_measures(con, kind, inner, nesting.field, kept, where)]
