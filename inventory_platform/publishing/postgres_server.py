"""A Postgres database that is written to: one transaction over one connection, told in our words.

What is written is decided elsewhere; here is how the database is reached, asked and left, and
what its errors mean to a person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import duckdb

from inventory_platform import duck
from inventory_platform.duck import literal
from inventory_platform.errors import DestinationUnavailableError, PublishError
from inventory_platform.publishing.postgres_tables import FoundColumn, FoundTable
from inventory_platform.settings import Settings
from inventory_platform.sources.databases import cannot_open

LOCK_SECONDS = 15
"""How long to wait for a lock that only changed columns need; the asset tries again later."""
_PASSES = re.compile(
    r"connection refused|connection reset|closed the connection|connection to server .* timed out|"
    r"timeout expired|terminating connection|starting up|shutting down|in recovery mode|"
    r"not yet accepting|deadlock detected|lock timeout|could not serialize|too many (clients|"
    r"connections)|remaining connection slots|no connection to the server|could not receive data|"
    r"could not send data|connection not open|network is unreachable|no route to host|"
    r"temporary failure in name resolution|SSL SYSCALL error|no space left|lost connection|"
    r"socket .* failed: no such file",
    re.IGNORECASE,
)
"""What Postgres or libpq say of troubles that go away by themselves or by the operator's hand."""
_NOT_ALLOWED = re.compile(r"permission denied|must be owner|row-level security", re.IGNORECASE)
_DEPENDED_ON = re.compile(
    r"other objects depend|used by a view|used in a policy|used in a trigger|used by a generated",
    re.IGNORECASE,
)


class PostgresServer:
    """One database.

    Args:
        settings: Limits of the connection.
        name: Name of the destination, for messages.
        connection: Words of libpq's connection string, the password excepted.
        password: The password, if one is needed.
        where: Where it is, without secrets.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        connection: Mapping[str, str],
        password: str,
        where: str,
    ) -> None:
        self.where = where
        self._name = name
        self._settings = settings
        self._secret = password
        words = {**connection, "password": password} if password else connection
        self._dsn = " ".join(f"{key}={_word(value)}" for key, value in words.items())

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the database attached as `target`, in one transaction of both."""
        with duck.connect(self._settings) as con:
            duck.load_extension(con, "postgres_scanner")
            try:
                con.execute(f"attach {literal(self._dsn)} as target (type postgres)")
                rows_of(con, 1, "select 1")
            except duckdb.Error as error:
                raise self._not_opened(error) from None
            try:
                con.begin()
                self._enter(con)
                yield con
                con.commit()
            except BaseException as error:
                _roll_back(con)
                if isinstance(error, duckdb.Error):
                    raise self._explained(error) from None
                raise

    def _enter(self, con: duckdb.DuckDBPyConnection) -> None:
        execute(
            con,
            f"set local lock_timeout = '{LOCK_SECONDS}s'; set local statement_timeout = 0; "
            "set local idle_in_transaction_session_timeout = 0; "
            "set local timezone = 'UTC'",
        )
        lock = "select pg_try_advisory_xact_lock(hashtext('inventory platform'))"
        if rows_of(con, 1, lock) != [("true",)]:
            raise DestinationUnavailableError(
                f"Another publication to the database of {self.where} is under way.",
                "Wait until it is over.",
            )

    def _not_opened(self, error: duckdb.Error) -> PublishError:
        text = str(error).replace(self._dsn, self.where)
        told = cannot_open("Postgres", self.where, Exception(text), self._secret)
        return _error_for(text)(told.what, told.remedy)

    def _explained(self, error: duckdb.Error) -> PublishError:
        text = str(error).replace(self._dsn, self.where)
        if self._secret:
            text = text.replace(self._secret, "***")
        _, found, said = text.partition("ERROR: ")
        said = " ".join((said if found else text).split())
        remedy = "Readers keep the version before."
        if _NOT_ALLOWED.search(said):
            remedy = (
                "Grant the right (`inventory postgres-roles`), or let the owner run what "
                f"`inventory postgres-tables {self._name}` prints. {remedy}"
            )
        elif _DEPENDED_ON.search(said):
            remedy = (
                "A column of a mart was removed or has another type: drop what depends on it, "
                f"publish, and create it again. {remedy}"
            )
        what = f"Publishing to Postgres at {self.where} failed: {said}"
        return _error_for(text)(what.rstrip(".") + ".", remedy)


def read_tables(con: duckdb.DuckDBPyConnection, schema: str) -> dict[str, FoundTable]:
    """What the catalogue says of a schema's tables and views, by name."""
    described: dict[str, tuple[list[str], dict[str, FoundColumn]]] = {}
    for name, kind, owned, comment, rules, column, its_type, required, told, indexed in rows_of(
        con,
        10,
        "select c.relname, c.relkind, pg_has_role(current_user, c.relowner, 'usage'), "
        "coalesce(obj_description(c.oid, 'pg_class'), ''), row_security_active(c.oid), a.attname, "
        "format_type(a.atttypid, a.atttypmod), a.attnotnull, "
        "coalesce(col_description(c.oid, a.attnum), ''), "
        "exists (select from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum) "
        "from pg_class c join pg_attribute a on a.attrelid = c.oid "
        "where c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped "
        "and c.relnamespace = (select oid from pg_namespace "
        f"where nspname = {literal(schema)}) order by c.relname, a.attnum",
    ):
        columns = described.setdefault(name, ([kind, owned, comment, rules], {}))[1]
        columns[column] = FoundColumn(its_type, required == "true", told, indexed == "true")
    keys = {
        table: (key, tuple(json.loads(columns)))
        for table, key, columns in rows_of(
            con,
            3,
            "select t.relname, k.conname, (select json_agg(a.attname order by u.position) "
            "from unnest(k.conkey) with ordinality as u(number, position) "
            "join pg_attribute a on a.attrelid = t.oid and a.attnum = u.number) "
            "from pg_constraint k join pg_class t on t.oid = k.conrelid "
            "where k.contype = 'p' and t.relnamespace = (select oid from pg_namespace "
            f"where nspname = {literal(schema)})",
        )
    }
    return {
        name: FoundTable(
            kind, owned == "true", comment, rules == "true", columns, *keys.get(name, ("", ()))
        )
        for name, ((kind, owned, comment, rules), columns) in described.items()
    }


def rows_of(con: duckdb.DuckDBPyConnection, width: int, sql: str) -> list[tuple[str, ...]]:
    """Ask the database for columns without names; every value comes as text, unchanged."""
    names = [f"c{number}" for number in range(width)]
    texts = ", ".join(f"{name}::text as {name}" for name in names)
    asked = f"select {texts} from ({sql}) as answer({', '.join(names)})"
    return con.execute(f"select * from postgres_query('target', {literal(asked)})").fetchall()


def execute(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Run a statement in the database."""
    con.execute(f"call postgres_execute('target', {literal(sql)})")


def _roll_back(con: duckdb.DuckDBPyConnection) -> None:
    """End the transaction, which a server that is gone has ended already."""
    with suppress(duckdb.Error):
        con.rollback()


def _error_for(text: str) -> type[PublishError]:
    return DestinationUnavailableError if _PASSES.search(text) else PublishError


def _word(value: str) -> str:
    """Quote a value of libpq's connection string."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
