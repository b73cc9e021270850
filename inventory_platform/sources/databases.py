"""Reading Postgres and MySQL (MariaDB) databases, with DuckDB's own scanners.

Types are the server's, so a value cannot contradict its column; numbers of unlimited
precision, which a scanner would squeeze into floating point, are read as text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import duckdb

from inventory_platform.duck import identifier, literal, load_extension
from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Relation, SourceTable, columns_of


def _explain(system: str, where: str, error: Exception, secret: str) -> SourceError:
    text = " ".join(str(error).split())
    if secret:
        text = text.replace(secret, "***")
    refusals = ("password authentication", "no password", "access denied")
    if any(refusal in text.lower() for refusal in refusals):
        remedy = "Correct the user or the password; the address names the variable it comes from."
    elif "does not exist" in text or "nknown database" in text:
        remedy = "Correct the database name in the address."
    else:
        remedy = "Check that the server runs and that host and port in the address are right."
    return SourceError(f"{system} at {where} cannot be opened: {text}.", remedy)


def _qualified(table: str, default_schema: str | None) -> tuple[str | None, str]:
    schema, dot, name = table.partition(".")
    return (schema, name) if dot else (default_schema, table)


class PostgresReader:
    """Reads one Postgres database; tables outside `public` are named `schema.table`."""

    def __init__(self, address: str) -> None:
        self.address = address
        parts = urlsplit(address)
        self.secret = unquote(parts.password or "")
        self.where = f"{parts.hostname or 'the local socket'}{parts.path}"

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the database read-only as `source`."""
        load_extension(con, "postgres_scanner")
        try:
            con.execute(f"attach {literal(self.address)} as source (type postgres, read_only)")
            self._query(con, "select 1")
        except duckdb.Error as error:
            raise _explain("Postgres", self.where, error, self.secret) from None

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List base tables with the keys and references the database declares."""
        names = self._query(
            con,
            "select table_schema::text, table_name::text from information_schema.tables "
            "where table_type = 'BASE TABLE' and table_schema not in "
            "('pg_catalog', 'information_schema') order by 1, 2",
        )
        keys = defaultdict(list)
        references: dict[tuple[str, str], dict[str, tuple[str, str]]] = defaultdict(dict)
        for schema, table, kind, column, to_table, to_column in self._query(
            con,
            "select n.nspname::text, t.relname::text, c.contype::text, a.attname::text, "
            "coalesce(case when fn.nspname = 'public' then f.relname::text "
            "else fn.nspname::text || '.' || f.relname::text end, '') as to_table, "
            "coalesce(fa.attname::text, '') as to_column "
            "from pg_constraint c join pg_class t on t.oid = c.conrelid "
            "join pg_namespace n on n.oid = t.relnamespace "
            "join lateral unnest(c.conkey) with ordinality as k(num, ord) on true "
            "join pg_attribute a on a.attrelid = t.oid and a.attnum = k.num "
            "left join pg_class f on f.oid = c.confrelid "
            "left join pg_namespace fn on fn.oid = f.relnamespace "
            "left join pg_attribute fa on fa.attrelid = f.oid and fa.attnum = c.confkey[k.ord] "
            "where c.contype in ('p', 'f') order by c.oid, k.ord",
        ):
            if kind == "p":
                keys[schema, table].append(column)
            else:
                references[schema, table][column] = (to_table, to_column)
        required = self._query(
            con,
            "select table_schema::text, table_name::text, column_name::text "
            "from information_schema.columns where is_nullable = 'NO'",
        )
        return [
            SourceTable(
                name=table if schema == "public" else f"{schema}.{table}",
                key=keys[schema, table],
                references=references[schema, table],
                not_null=frozenset(c for s, t, c in required if (s, t) == (schema, table)),
            )
            for schema, table in names
        ]

    def relations(self, con: duckdb.DuckDBPyConnection, table: str) -> Iterator[Relation]:
        """Yield the one relation that reads the table with the server's types."""
        schema, name = _qualified(table, "public")
        unlimited = {
            column
            for (column,) in self._query(
                con,
                "select column_name::text from information_schema.columns where table_schema = "
                f"{literal(str(schema))} and table_name = {literal(name)} "
                "and data_type = 'numeric' and numeric_precision is null",
            )
        }
        qualified = f"source.{identifier(str(schema))}.{identifier(name)}"
        try:
            columns = columns_of(con, qualified)
        except duckdb.CatalogException:
            raise SourceError(
                f"Postgres at {self.where} has no table {table!r}.",
                "Correct the table name in the contract, or grant this user the right to see it.",
            ) from None
        if not unlimited:
            yield Relation(sql=f"select * from {qualified}", columns=columns, filters=True)
            return
        listed = ", ".join(
            f"{identifier(c)}::text as {identifier(c)}" if c in unlimited else identifier(c)
            for c in columns
        )
        query = f"select {listed} from {identifier(str(schema))}.{identifier(name)}"
        sql = f"select * from postgres_query('source', {literal(query)})"
        yield Relation(sql=sql, columns=columns_of(con, sql))

    def _query(self, con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, ...]]:
        return con.execute(f"from postgres_query('source', {literal(sql)})").fetchall()


class MysqlReader:
    """Reads one MySQL or MariaDB database.

    A zero date, which is how these say that there is none, arrives as no value.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.parts = urlsplit(address)
        self.secret = unquote(self.parts.password or "")
        self.database = self.parts.path.lstrip("/")
        self.where = f"{self.parts.hostname}/{self.database}"

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the database read-only as `source`."""
        load_extension(con, "mysql_scanner")
        parts = {
            "host": self.parts.hostname,
            "port": self.parts.port,
            "user": unquote(self.parts.username or ""),
            "password": self.secret,
            "database": self.database,
        }
        words = " ".join(f"{name}={_word(str(v))}" for name, v in parts.items() if v)
        try:
            con.execute(f"attach {literal(words)} as source (type mysql, read_only)")
            self._query(con, "select 1")
        except duckdb.Error as error:
            raise _explain("MySQL", self.where, error, self.secret) from None

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List base tables with the keys and references the database declares."""
        here = f"table_schema = {literal(self.database)}"
        names = self._query(
            con,
            f"select table_name from information_schema.tables where {here} "
            "and table_type = 'BASE TABLE' order by 1",
        )
        keys = defaultdict(list)
        references: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
        for table, constraint, column, to_table, to_column in self._query(
            con,
            "select table_name, constraint_name, column_name, referenced_table_name, "
            f"referenced_column_name from information_schema.key_column_usage where {here} "
            "order by table_name, constraint_name, ordinal_position",
        ):
            if constraint == "PRIMARY":
                keys[table].append(column)
            elif to_table:
                references[table][column] = (to_table, to_column)
        required = self._query(
            con,
            "select table_name, column_name from information_schema.columns "
            f"where {here} and is_nullable = 'NO'",
        )
        return [
            SourceTable(
                name=table,
                key=keys[table],
                references=references[table],
                not_null=frozenset(c for t, c in required if t == table),
            )
            for (table,) in names
        ]

    def relations(self, con: duckdb.DuckDBPyConnection, table: str) -> Iterator[Relation]:
        """Yield the one relation that reads the table with the server's types."""
        qualified = f"source.{identifier(self.database)}.{identifier(table)}"
        try:
            columns = columns_of(con, qualified)
        except duckdb.CatalogException:
            raise SourceError(
                f"MySQL at {self.where} has no table {table!r}.",
                "Correct the table name in the contract, or grant this user the right to see it.",
            ) from None
        yield Relation(sql=f"select * from {qualified}", columns=columns, filters=True)

    def _query(self, con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, ...]]:
        return con.execute(f"from mysql_query('source', {literal(sql)})").fetchall()


def _word(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
