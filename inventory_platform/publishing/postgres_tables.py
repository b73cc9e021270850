"""How a mart looks as a Postgres table, and which statements make a table look like that.

Pure functions over what the model says, what the published file holds and what the database's
catalogue answers; nothing is sent from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inventory_platform.duck import identifier, literal
from inventory_platform.errors import PublishError
from inventory_platform.publishing.marts import Mart

META = "inventory_meta"
"""Schema of what the platform remembers in the database about what it published."""

# Names as Postgres itself writes them, so that they can be compared with its catalogue.
_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "SMALLINT": "smallint",
    "USMALLINT": "integer",
    "INTEGER": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(38,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "BLOB": "bytea",
    "UUID": "uuid",
    "DATE": "date",
    "TIME": "time without time zone",
    # Instants are naive UTC everywhere: so a day is the same day whatever zone a session is in.
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}

META_TABLES = {
    "publications": (
        f"create table {META}.publications (schema_name text primary key, version text not null, "
        "published_at timestamp not null, run_id text not null, code_version text not null, "
        "written_at timestamp not null default (now() at time zone 'UTC'))"
    ),
    "parts": (
        f"create table {META}.parts (schema_name text, mart text, part text, "
        "row_count bigint not null, fingerprint text not null, version text not null, "
        "primary key (schema_name, mart, part))"
    ),
}
"""What each table of the platform's own is created by."""


def postgres_type(kind: str) -> str | None:
    """The Postgres type that holds every value of a DuckDB type, None if none does.

    >>> postgres_type("DECIMAL(18,4)"), postgres_type("TIMESTAMP"), postgres_type("INTEGER[]")
    ('numeric(18,4)', 'timestamp without time zone', None)
    """
    if match := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        return f"numeric({match[1]},{match[2]})"
    return _TYPES.get(kind)


@dataclass(frozen=True)
class Column:
    """A column as it should be."""

    name: str
    type: str
    is_required: bool
    comment: str


@dataclass(frozen=True)
class Table:
    """A table as it should be.

    Attributes:
        schema: Where it is.
        name: Name of the mart.
        columns: Its columns.
        key: Columns of the primary key.
        indexed: Columns with an index of their own: references and dates.
        comment: Description of the mart.
        date: The date whose months are compared and replaced one by one, if it has one.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexed: tuple[str, ...]
    comment: str
    date: str | None

    @property
    def relation(self) -> str:
        """Its name for SQL."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"


@dataclass(frozen=True)
class FoundColumn:
    """A column as the catalogue describes it."""

    type: str
    is_required: bool
    comment: str
    is_indexed: bool


@dataclass(frozen=True)
class FoundTable:
    """A table as the catalogue describes it.

    Attributes:
        kind: Postgres' letter for what it is; `r` for a table.
        is_owned: Whether the user may change it.
        comment: Its comment.
        has_row_rules: Whether rules on rows apply to the user; no COPY to the table then.
        columns: Its columns.
        key_name: Name of the primary key, empty without one.
        key: Columns of the primary key.
    """

    kind: str
    is_owned: bool
    comment: str
    has_row_rules: bool
    columns: Mapping[str, FoundColumn]
    key_name: str = ""
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """Statements that make a table look as it should.

    Attributes:
        before: Needed before rows can be written; all rows are written anew after them.
        after: Needed, and run when the rows are there.
        polish: Comments and indexes, without which the rows are right too.
    """

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    polish: list[str] = field(default_factory=list)


def table_of(schema: str, mart: Mart, kinds: Mapping[str, str]) -> Table:
    """The table for a mart.

    Args:
        schema: Schema it is published in.
        mart: What the model says.
        kinds: The published file's columns with DuckDB's types.

    Raises:
        PublishError: A column is of a type Postgres has no counterpart for.
    """
    types = {name: postgres_type(kind) for name, kind in kinds.items()}
    if unknown := [f"{n} ({kinds[n]})" for n, kind in types.items() if kind is None]:
        raise PublishError(
            f"{mart.name} has columns that cannot be published to Postgres: {', '.join(unknown)}.",
            "Cast them in the mart's last select, or leave the mart out in destinations.toml.",
        )
    known = mart.columns
    key = mart.key if set(mart.key) <= set(kinds) else ()
    columns = tuple(
        Column(
            name=name,
            type=str(kind),
            is_required=name in key or (name in known and known[name].is_required),
            comment=known[name].description if name in known else "",
        )
        for name, kind in types.items()
    )
    dates = [c for c in columns if c.type == "date"]
    wanted = {c.name for c in dates} | (mart.references & set(kinds))
    return Table(
        schema=schema,
        name=mart.name,
        columns=columns,
        key=key,
        indexed=tuple(c.name for c in columns if c.name in wanted),
        comment=mart.description,
        date=next((c.name for c in dates if c.is_required), None),
    )


def changes(table: Table, found: FoundTable | None) -> Changes:
    """What has to be done to a table, or to have it at all.

    A column that is no longer in the mart is dropped, and one whose type changed is emptied:
    all rows are written anew in the same transaction. Indexes that others added stay.
    """
    name = table.relation
    if found is None:
        listed = ", ".join(
            f"{identifier(c.name)} {c.type}{' not null' if c.is_required else ''}"
            for c in table.columns
        )
        result = Changes(before=[f"create table {name} ({listed})"])
        found = FoundTable("r", True, "", False, {})
    else:
        result = Changes()
        _change_columns(table, found, result)
    _change_key(table, found, result)
    _polish(table, found, result)
    return result


def _change_columns(table: Table, found: FoundTable, result: Changes) -> None:
    alter = f"alter table {table.relation}"
    wanted = {c.name: c for c in table.columns}
    if found.key and found.key != table.key:
        result.before.append(f"{alter} drop constraint {identifier(found.key_name)}")
    result.before.extend(
        f"{alter} drop column {identifier(column)}"
        for column in found.columns
        if column not in wanted
    )
    for column in table.columns:
        quoted = identifier(column.name)
        there = found.columns.get(column.name)
        if there is None:
            result.before.append(f"{alter} add column {quoted} {column.type}")
        elif there.type != column.type:
            result.before.append(
                f"{alter} alter column {quoted} drop default, "
                f"alter column {quoted} type {column.type} using null"
            )
        was_required = there is not None and there.is_required
        if column.is_required and not was_required:
            result.after.append(f"{alter} alter column {quoted} set not null")
        elif was_required and not column.is_required:
            result.before.append(f"{alter} alter column {quoted} drop not null")


def _change_key(table: Table, found: FoundTable, result: Changes) -> None:
    if table.key and found.key != table.key:
        columns = ", ".join(map(identifier, table.key))
        result.after.append(f"alter table {table.relation} add primary key ({columns})")


def _polish(table: Table, found: FoundTable, result: Changes) -> None:
    first_of_key = table.key[:1]
    for column in table.columns:
        there = found.columns.get(column.name)
        has_index = column.name in first_of_key or (there is not None and there.is_indexed)
        if column.name in table.indexed and not has_index:
            result.polish.append(f"create index on {table.relation} ({identifier(column.name)})")
        if column.comment != (there.comment if there else ""):
            result.polish.append(
                f"comment on column {table.relation}.{identifier(column.name)} "
                f"is {literal(column.comment)}"
            )
    if table.comment != found.comment:
        result.polish.append(f"comment on table {table.relation} is {literal(table.comment)}")


@dataclass(frozen=True)
class Measure:
    """One number that a table and a published file must agree on.

    Attributes:
        what: What it is, for messages.
        here: Its expression in DuckDB.
        there: Its expression in Postgres.
        scale: For sums of floating point, which depend on the order of the rows: the expression
            in DuckDB of the size that rounding is judged by.
    """

    what: str
    here: str
    there: str
    scale: str | None = None


def measures(columns: Sequence[Column]) -> list[Measure]:
    """Counts of all columns, and a sum of each whose type has one.

    Texts are summed by their lengths, days and instants by their distance from 1970.
    """
    result = []
    for column in columns:
        c = identifier(column.name)
        result.append(Measure(f"values of {column.name}", f"count({c})", f"count({c})"))
        what = f"sum of {column.name}"
        match column.type.partition("(")[0]:
            case "smallint" | "integer" | "bigint" | "numeric":
                result.append(Measure(what, f"sum({c})", f"sum({c})"))
            case "real" | "double precision":
                total = f"sum({c}::double precision)"
                size = f"sum(abs({c}::double precision))"
                result.append(Measure(what, total, total, size))
            case "boolean":
                result.append(Measure(what, f"sum({c}::integer)", f"sum({c}::integer)"))
            case "text":
                what = f"bytes of {column.name}"
                result.append(Measure(what, f"sum(strlen({c}))", f"sum(octet_length({c}))"))
            case "bytea":
                what = f"bytes of {column.name}"
                result.append(Measure(what, f"sum(octet_length({c}))", f"sum(octet_length({c}))"))
            case "date":
                days = f"sum({c} - date '1970-01-01') filter (where isfinite({c}))"
                result.append(Measure(what, days, days))
            case "timestamp without time zone" | "timestamp with time zone":
                finite = f"filter (where isfinite({c}))"
                here = f"sum(epoch_us({c})) {finite}"
                there = f"sum((extract(epoch from {c}) * 1000000)::bigint) {finite}"
                result.append(Measure(what, here, there))
    return result
