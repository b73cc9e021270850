"""Published marts as tables of a Postgres database.

Everything is one transaction over one connection of DuckDB's Postgres extension, which sends
rows by binary COPY: readers see all marts of the version before until it commits, and of the
new one after. Rows are deleted and written in place, which waits for no reader and lets
grants, policies and views of others live; only a changed column needs a lock of its table.

A mart is compared in parts, months where it has a date. A part is written when its fingerprint
is not the one remembered in the database, or when the table does not hold what was published.
Before the commit every mart that was written is counted and summed there and here.

What a table looks like is `postgres_tables.py`, how the two sides are compared
`postgres_compare.py`, who may do what `postgres_roles.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from inventory_platform.duck import columns_of, identifier, literal, parquet
from inventory_platform.errors import PublishError
from inventory_platform.object_storage import StoragePath
from inventory_platform.publishing.base import Report, Sent, Tell, tell_nobody
from inventory_platform.publishing.contents import readable
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import Publication
from inventory_platform.publishing.postgres_compare import (
    ALL,
    differences,
    fingerprints,
    measured_here,
    measured_there,
)
from inventory_platform.publishing.postgres_server import (
    PostgresServer,
    execute,
    read_tables,
    rows_of,
)
from inventory_platform.publishing.postgres_tables import (
    META,
    META_TABLES,
    Changes,
    FoundTable,
    Table,
    changes,
    table_of,
)
from inventory_platform.settings import Settings

_ASIDE = "rows_to_publish"


@dataclass(frozen=True)
class _State:
    """What the database says before anything is written."""

    tables: Mapping[str, FoundTable]
    meta: Mapping[str, FoundTable]
    schemas: frozenset[str]
    parts: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class _Load:
    """One mart on its way.

    Attributes:
        table: How its table should look.
        file: Its rows, as a relation of DuckDB.
        changes: What has to be done to the table.
        due: The parts to write.
        prints: Part → fingerprint of its rows here.
        rows: Part → number of its rows here.
        whole: Whether all rows are replaced.
    """

    table: Table
    file: str
    changes: Changes
    due: frozenset[str]
    prints: Mapping[str, str]
    rows: Mapping[str, int]
    whole: bool


class PostgresDestination:
    """Publishes marts to one schema of one database.

    Args:
        settings: Limits of the connection.
        name: Name of the entry in `destinations.toml`.
        schema: The schema that marts are written to.
        connection: Words of libpq's connection string, the password excepted.
        password: The password, if one is needed.
        marts: The marts to publish; None for all.
        everything: Whether marts are written anew that have not changed.
    """

    kind = "postgres"

    def __init__(
        self,
        settings: Settings,
        name: str,
        *,
        schema: str,
        connection: Mapping[str, str],
        password: str = "",
        marts: Sequence[str] | None = None,
        everything: bool = False,
    ) -> None:
        self.name = name
        self.schema = schema
        self.marts = marts
        self.where = (
            f"{connection.get('host', 'the local socket')}/{connection.get('dbname', '')}, "
            f"schema {schema}"
        )
        self._everything = everything
        self._server = PostgresServer(settings, name, connection, password, self.where)

    def publish(
        self,
        folder: StoragePath,
        publication: Publication,
        marts: Sequence[Mart],
        tell: Tell = tell_nobody,
    ) -> Report:
        """Make readers of the schema see a published version, all of it at once.

        Raises:
            DestinationUnavailableError: The server cannot be reached, is busy, or went away.
            PublishError: A right is missing, a name is taken, a value does not fit, or what
                arrived is not what was sent. Nothing was changed.
        """
        with self._server.transaction() as con:
            state = self._read_state(con)
            self._create_own(con, state)
            loads = [self._plan(con, folder, mart, state) for mart in marts]
            # Last the tables whose columns change, which nobody can read until the commit.
            loads.sort(key=lambda load: bool(load.changes.before))
            postponed: list[str] = []
            sent = []
            for load in loads:
                sent.append(self._send(con, load, state, postponed))
                self._remember(con, load, publication.version)
                if sent[-1].rows_written:
                    tell(f"{sent[-1].mart}: {sent[-1].rows_written:,} rows sent and compared.")
            self._remember_publication(con, publication)
        return Report(
            version=publication.version,
            sent=sorted(sent, key=lambda s: s.mart),
            left_over=sorted(set(state.parts) - {mart.name for mart in marts}),
            postponed=postponed,
        )

    def pending(self, folder: StoragePath, marts: Sequence[Mart]) -> list[str]:
        """The statements that give the tables the form they should have; runs none of them.

        Raises:
            DestinationUnavailableError: The server cannot be reached, or is busy.
            PublishError: The user may not look, or a type has no counterpart.
        """
        with self._server.transaction() as con:
            state = self._read_state(con)
            statements = self._own(state)
            for mart in marts:
                table, _ = self._table(con, folder, mart)
                found = state.tables.get(mart.name)
                change = changes(table, found)
                if found is not None and change.before:
                    statements.append(f"delete from {table.relation}")
                statements += [*change.before, *change.after, *change.polish]
        return statements

    # -- what is there ---------------------------------------------------------------------

    def _read_state(self, con: duckdb.DuckDBPyConnection) -> _State:
        schemas = rows_of(con, 1, "select nspname from pg_namespace")
        meta = read_tables(con, META)
        parts: dict[str, dict[str, str]] = {}
        if "parts" in meta:
            for mart, part, fingerprint in rows_of(
                con,
                3,
                f"select mart, part, fingerprint from {META}.parts "
                f"where schema_name = {literal(self.schema)}",
            ):
                parts.setdefault(mart, {})[part] = fingerprint
        return _State(
            tables=read_tables(con, self.schema),
            meta=meta,
            schemas=frozenset(name for (name,) in schemas),
            parts=parts,
        )

    def _own(self, state: _State) -> list[str]:
        """Statements that create the schemas and the platform's own tables."""
        missing = [s for s in (META, self.schema) if s not in state.schemas]
        schemas = [f"create schema {identifier(schema)}" for schema in missing]
        return schemas + [sql for name, sql in META_TABLES.items() if name not in state.meta]

    def _create_own(self, con: duckdb.DuckDBPyConnection, state: _State) -> None:
        for statement in self._own(state):
            execute(con, statement)

    def _table(
        self, con: duckdb.DuckDBPyConnection, folder: StoragePath, mart: Mart
    ) -> tuple[Table, str]:
        file = folder / f"{mart.name}.parquet"
        rows = parquet(file)
        with readable(file):
            columns = columns_of(con, f"select * from {rows}")
        return table_of(self.schema, mart, columns), rows

    # -- one mart --------------------------------------------------------------------------

    def _plan(
        self, con: duckdb.DuckDBPyConnection, folder: StoragePath, mart: Mart, state: _State
    ) -> _Load:
        table, file = self._table(con, folder, mart)
        found = state.tables.get(mart.name)
        known = state.parts.get(mart.name, {})
        if found is not None:
            self._refuse_foreign(con, table, found, is_known=bool(known))
        change = changes(table, found)
        prints, rows = fingerprints(con, table, file)
        whole = bool(change.before) or self._everything
        due = prints.keys() | known.keys()
        if not whole:
            here = measured_here(con, table, file)
            there = measured_there(con, table)
            due = {
                part
                for part in due | there.keys()
                if prints.get(part) != known.get(part) or differences(table, part, here, there)
            }
            whole = due >= prints.keys()
        return _Load(table, file, change, frozenset(due), prints, rows, whole)

    def _refuse_foreign(
        self, con: duckdb.DuckDBPyConnection, table: Table, found: FoundTable, *, is_known: bool
    ) -> None:
        if found.kind not in {"r", "p"}:
            raise PublishError(
                f"{table.relation} at {self.where} is not a table.",
                "Rename or drop it, or publish to another schema.",
            )
        if not is_known and rows_of(con, 1, f"select exists (select from {table.relation})") == [
            ("true",)
        ]:
            raise PublishError(
                f"{table.relation} at {self.where} holds rows that were not published by this "
                "platform.",
                "Rename or empty the table, or publish to another schema.",
            )

    def _send(
        self,
        con: duckdb.DuckDBPyConnection,
        load: _Load,
        state: _State,
        postponed: list[str],
    ) -> Sent:
        table = load.table
        found = state.tables.get(table.name)
        ddl = [*load.changes.before, *load.changes.after]
        if found is not None and (load.due or load.whole):
            execute(con, f"delete from {table.relation}{_where(table, load)}")
        for statement in load.changes.before:
            execute(con, statement)
        written = sum(load.rows.get(part, 0) for part in load.due)
        if written:
            self._write(con, load, has_row_rules=found is not None and found.has_row_rules)
        for statement in load.changes.after:
            execute(con, statement)
        if found is None or found.is_owned:
            ddl += load.changes.polish
            for statement in load.changes.polish:
                execute(con, statement)
        else:
            postponed += load.changes.polish
        if load.due or ddl:
            self._verify(con, load)
        return Sent(
            mart=table.name,
            rows=sum(load.rows.values()),
            rows_written=written,
            parts=len(load.prints),
            parts_written=len(load.due),
            ddl=ddl,
        )

    def _write(self, con: duckdb.DuckDBPyConnection, load: _Load, *, has_row_rules: bool) -> None:
        """Send the rows, by way of a table of this session where COPY is not allowed."""
        relation = load.table.relation
        if has_row_rules:
            execute(con, f"create temporary table {_ASIDE} (like {relation}) on commit drop")
            found = rows_of(
                con, 1, "select nspname from pg_namespace where oid = pg_my_temp_schema()"
            )
            relation = f"{identifier(found[0][0])}.{_ASIDE}"
        if has_row_rules or load.changes.before:
            con.execute("call pg_clear_cache()")  # DuckDB has read the catalogue before
        rows = f"select * from {load.file}{_where(load.table, load)}"
        con.execute(f"insert into target.{relation} by name {rows}")
        if has_row_rules:
            execute(con, f"insert into {load.table.relation} select * from pg_temp.{_ASIDE}")
            execute(con, f"drop table pg_temp.{_ASIDE}")

    def _verify(self, con: duckdb.DuckDBPyConnection, load: _Load) -> None:
        here = measured_here(con, load.table, load.file)
        there = measured_there(con, load.table)
        found = [
            difference
            for part in sorted(here.keys() | there.keys())
            for difference in differences(load.table, part, here, there)
        ]
        if found:
            raise PublishError(
                f"{load.table.relation} at {self.where} does not hold what was published: "
                f"{'; '.join(found[:5])}.",
                "Nothing was changed there. Publish again; if it happens again, look for "
                "triggers or rules on the table.",
            )

    def _remember(self, con: duckdb.DuckDBPyConnection, load: _Load, version: str) -> None:
        mart = f"schema_name = {literal(self.schema)} and mart = {literal(load.table.name)}"
        if load.due:
            parts = ", ".join(literal(part) for part in sorted(load.due))
            execute(con, f"delete from {META}.parts where {mart} and part in ({parts})")
        # An empty mart is remembered too: its table is one of ours.
        rows = [
            f"({literal(self.schema)}, {literal(load.table.name)}, {literal(part)}, "
            f"{load.rows[part]}, {literal(load.prints[part])}, {literal(version)})"
            for part in sorted(load.due & load.prints.keys())
        ]
        if rows:
            execute(con, f"insert into {META}.parts values {', '.join(rows)}")

    def _remember_publication(
        self, con: duckdb.DuckDBPyConnection, publication: Publication
    ) -> None:
        values = ", ".join(
            literal(value)
            for value in (
                self.schema,
                publication.version,
                publication.published_at,
                publication.run_id,
                publication.code_version,
            )
        )
        execute(
            con,
            f"delete from {META}.publications where schema_name = {literal(self.schema)}; "
            f"insert into {META}.publications values ({values})",
        )


def _where(table: Table, load: _Load) -> str:
    """The condition, for both databases, of rows that belong to the parts to write."""
    if load.whole or not table.date:
        return ""
    date = identifier(table.date)
    months = " or ".join(
        f"({date} >= date '{part}-01' and {date} < date '{_month_after(part)}-01')"
        for part in sorted(load.due - {ALL})
    )
    return f" where {months or 'false'}"


def _month_after(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"
