"""Reading Postgres and MySQL (MariaDB) databases, with DuckDB's own scanners.

Every load is one SELECT, because that is what both servers answer from one snapshot: two scans
in one DuckDB statement are not (the Postgres scanner leaves all but the first without it). A
whole table is scanned by the scanner itself, on Postgres over several connections that share a
snapshot; from a bound on, the server is sent the condition, so that it can use its index.

Types are the server's, so a value cannot contradict its column. What a scanner would change
without a word (numbers it squeezes into floating point, `NaN` it takes for zero) is sent as
text. Drivers that hand out Arrow are in `arrow_databases.py`.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import duckdb

from inventory_platform.duck import columns_of, identifier, literal, load_extension
from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.base import Relation, Request, SourceTable
from inventory_platform.sources.clear_text import is_this_machine

_WHOLE = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
}
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}


class Bound(NamedTuple):
    """The column and the value in it from which on rows are asked for."""

    column: str
    value: datetime | int


def bound_of(request: Request) -> Bound | None:
    """What a request is bound by; None to ask for all rows.

    A value no server could be asked for (such as a year before Christ) is no bound either: the
    loader looks again at what comes.
    """
    if request.newer_than is None:
        return None
    column, text = request.newer_than
    if text.removeprefix("-").isdigit():
        return Bound(column, int(text))
    try:
        return Bound(column, datetime.fromisoformat(text))
    except ValueError:
        return None


def take_apart(system: str, address: str) -> tuple[SplitResult, int | None]:
    """The parts of a database's address, and its port.

    What a placeholder stands for is not known when the platform starts: it may be a port.

    Raises:
        SettingsError: It is no address. Nothing of it is shown, as it may be the password that
            is written wrongly.
    """
    try:
        hosts = urlsplit(re.sub(r"\$\{\w+\}", "1", address)).netloc.rpartition("@")[2]
        # Postgres takes several.
        ports = [urlsplit(f"//{host}").port for host in hosts.split(",")]
        return urlsplit(address), ports[0]
    except ValueError:
        raise SettingsError(
            f"The address of {system} has no host and port that can be read.",
            "Write user:${PASSWORD}@host:port, the port a number up to 65535, an IPv6 address in "
            "brackets, and / ? # @ in a user or password as %2F %3F %23 %40.",
        ) from None


def cannot_open(system: str, where: str, error: Exception, secret: str) -> SourceError:
    """Say why a database cannot be opened, without the password."""
    text = " ".join(str(error).split())
    for form in {secret, quote(secret), quote(secret, safe="")} - {""}:
        text = text.replace(form, "***")
    is_transient = False
    if re.search(_NO_DATABASE, text, re.IGNORECASE):
        remedy = "Correct the database name in the address."
    elif re.search(_NO_ENTRANCE, text, re.IGNORECASE):
        remedy = "Correct the user or the password; the address names the variable it comes from."
    else:
        remedy = "Check that the server runs and that host and port in the address are right."
        is_transient = True
    return SourceError(
        f"{system} at {where} cannot be opened: {text}.", remedy, is_transient=is_transient
    )


_NO_DATABASE = (
    r'database ".*" does not exist|unknown database|cannot open database|DPY-6001|ORA-12514'
)
_NO_ENTRANCE = (
    r"password authentication|no password|access denied|login failed|ORA-01017|"
    r'role ".*" does not exist'
)


def _qualified(table: str, default_schema: str | None) -> tuple[str | None, str]:
    schema, dot, name = table.partition(".")
    return (schema, name) if dot else (default_schema, table)


class PostgresReader:
    """Reads one Postgres database; tables outside `public` are named `schema.table`.

    Raises:
        SettingsError: The address cannot be read.
    """

    def __init__(self, address: str) -> None:
        parts, _ = take_apart("Postgres", address)
        asked = dict(parse_qsl(parts.query))
        if "sslmode" not in asked and not is_this_machine(asked.get("host") or parts.hostname):
            # libpq's own default goes on in clear where a server has no TLS.
            address += f"{'&' if parts.query else '?'}sslmode=require"
        self.address = address
        self.secret = unquote(parts.password or "")
        self.where = f"{parts.hostname or 'the local socket'}{parts.path}"

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the database read-only as `source`."""
        load_extension(con, "postgres_scanner")
        # A column may hold arrays of any number of dimensions, a list in DuckDB may not.
        con.execute("set pg_array_as_varchar = true")
        try:
            con.execute(f"attach {literal(self.address)} as source (type postgres, read_only)")
            self._query(con, "select 1")
        except duckdb.Error as error:
            # DuckDB quotes the address, in which the password is spelled in its own way.
            told = Exception(str(error).replace(self.address, self.where))
            raise cannot_open("Postgres", self.where, told, self.secret) from None

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

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield the server's own types, and text where those would change a value."""
        schema, name = _qualified(request.table, "public")
        table = f"{identifier(str(schema))}.{identifier(name)}"
        try:
            kinds = columns_of(con, f"source.{table}")
        except duckdb.CatalogException:
            raise SourceError(
                f"Postgres at {self.where} has no table {request.table!r}.",
                "Correct the table name in the contract, or grant this user the right to see it.",
            ) from None
        answered = columns_of(con, _postgres_query(f"select * from {table}"))
        unlimited = self._unlimited_numbers(con, table)
        as_text = unlimited | {c for c in kinds if kinds[c] != answered[c]}
        newer = _newer_in_postgres(request, kinds)
        # Whole tables and changes of the same table must arrive alike, so that a row is not taken
        # for a new version; only composite values are written differently by the two ways.
        alike = not unlimited and not any(kind.startswith("STRUCT") for kind in kinds.values())
        if alike and not newer:
            sql = f"select * from source.{table}"
        else:
            sql = _postgres_query(_postgres_select(table, kinds, as_text, newer))

        @functools.cache
        def changes_values() -> bool:
            return self._has_unusual_values(con, table, kinds, newer)

        yield Relation(sql=sql, columns=columns_of(con, sql), is_unfaithful=changes_values)
        if changes_values():
            as_text |= {c for c, kind in kinds.items() if _may_be_changed(kind)}
            sql = _postgres_query(_postgres_select(table, kinds, as_text, newer))
            yield Relation(sql=sql, columns=columns_of(con, sql), suspect=True)

    def _unlimited_numbers(self, con: duckdb.DuckDBPyConnection, table: str) -> set[str]:
        """Columns of numbers that no decimal of DuckDB can hold."""
        precision = "((atttypmod - 4) >> 16) & 65535"
        scale = "(((atttypmod - 4) & 2047) # 1024) - 1024"
        fits = (
            f"atttypmod <> -1 and {precision} between 1 and 38 "
            f"and {scale} between 0 and {precision}"
        )
        found = self._query(
            con,
            f"select attname::text from pg_attribute where attrelid = {literal(table)}::regclass "
            f"and atttypid = 'numeric'::regtype and not attisdropped and not ({fits})",
        )
        return {name for (name,) in found}

    def _has_unusual_values(
        self, con: duckdb.DuckDBPyConnection, table: str, kinds: Mapping[str, str], newer: str
    ) -> bool:
        """Whether the scanner takes a value for another one: `NaN` for 0, a far year for a past."""
        unusual = [
            f"{identifier(c)} = 'NaN'"
            if kind.startswith("DECIMAL")
            else f"({identifier(c)} > '294246-12-31' and {identifier(c)} < 'infinity')"
            for c, kind in kinds.items()
            if _may_be_changed(kind)
        ]
        if not unusual:
            return False
        rows = _postgres_select(table, kinds, (), newer)
        query = f"select exists (select 1 from ({rows}) as t where {' or '.join(unusual)})"
        return bool(self._query(con, query)[0][0])

    def _query(self, con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, ...]]:
        return con.execute(_postgres_query(sql)).fetchall()


def _postgres_query(sql: str) -> str:
    return f"select * from postgres_query('source', {literal(sql)})"


def _postgres_select(
    table: str, kinds: Mapping[str, str], as_text: Collection[str], newer: str
) -> str:
    listed = ", ".join(
        identifier(c)
        if c not in as_text
        else f"({identifier(c)} at time zone 'UTC')::text as {identifier(c)}"
        if kind == "TIMESTAMP WITH TIME ZONE"
        else f"{identifier(c)}::text as {identifier(c)}"
        for c, kind in kinds.items()
    )
    return f"select {listed} from {table}{newer}"


def _newer_in_postgres(request: Request, kinds: Mapping[str, str]) -> str:
    match bound_of(request):
        case Bound(column, int(number)) if kinds.get(column) in _WHOLE:
            name = identifier(column)
            return f" where {name} >= {number} or {name} is null"
        case Bound(column, datetime() as instant) if kinds.get(column) in _TIMES:
            name = identifier(column)
            value = f"timestamp '{instant.isoformat(sep=' ')}'"
            if kinds[column] == "TIMESTAMP WITH TIME ZONE":
                value = f"timestamptz '{instant.isoformat(sep=' ')}+00'"
            return f" where {name} >= {value} or {name} is null or {name} = '-infinity'"
        case _:
            return ""


def _may_be_changed(kind: str) -> bool:
    return kind.startswith(("DECIMAL", "TIMESTAMP"))


_MYSQL_OPTIONS = {"ssl_mode", "ssl_ca", "ssl_cert", "ssl_key"}


class MysqlReader:
    """Reads one MySQL or MariaDB database.

    A zero date, which is how these say that there is none, arrives as no value. A `timestamp`
    arrives in UTC, whatever zone the server is set to; a `datetime` as it is written.

    Args:
        address: `mysql://user:password@host:port/database?option=value`; the options are
            `ssl_mode`, `ssl_ca`, `ssl_cert` and `ssl_key`, as MySQL's own programs name them.

    Raises:
        SettingsError: The address cannot be read, or has an option that is not known.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.parts, self.port = take_apart("MySQL", address)
        self.tls = {name.lower(): value for name, value in parse_qsl(self.parts.query)}
        if unknown := sorted(self.tls.keys() - _MYSQL_OPTIONS):
            raise SettingsError(
                f"The address of MySQL at {self.parts.hostname} has the unknown option "
                f"{unknown[0]!r}.",
                f"Known options: {', '.join(sorted(_MYSQL_OPTIONS))}.",
            )
        if not is_this_machine(self.parts.hostname):
            self.tls.setdefault("ssl_mode", "required")
        self.secret = unquote(self.parts.password or "")
        self.database = self.parts.path.lstrip("/")
        self.where = f"{self.parts.hostname}/{self.database}"

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the database read-only as `source`."""
        load_extension(con, "mysql_scanner")
        con.execute("set mysql_session_time_zone = '+00:00'")
        # A tinyint(1) may hold any small number: the contract says whether it is true or false.
        con.execute("set mysql_tinyint1_as_boolean = false")
        parts = {
            "host": self.parts.hostname,
            "port": self.port,
            "user": unquote(self.parts.username or ""),
            "password": self.secret,
            "database": self.database,
            **self.tls,
        }
        words = " ".join(f"{name}={_word(str(v))}" for name, v in parts.items() if v)
        try:
            con.execute(f"attach {literal(words)} as source (type mysql, read_only)")
            self._query(con, "select 1")
        except duckdb.Error as error:
            raise cannot_open("MySQL", self.where, error, self.secret) from None

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List base tables with the keys and references the database declares."""
        here = f"table_schema = {_text(self.database)}"
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

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield the server's own types, and text where a date is none."""
        table = f"{_quoted(self.database)}.{_quoted(request.table)}"
        scanned = f"source.{identifier(self.database)}.{identifier(request.table)}"
        try:
            kinds = columns_of(con, scanned)
        except duckdb.CatalogException:
            raise SourceError(
                f"MySQL at {self.where} has no table {request.table!r}.",
                "Correct the table name in the contract, or grant this user the right to see it.",
            ) from None
        wide = self._wide_numbers(con, request.table)
        kinds |= dict.fromkeys(wide, "VARCHAR")
        newer = _newer_in_mysql(request, kinds)
        if wide or newer:
            sql = self._select(con, table, kinds, newer)
        else:
            sql = f"select * from {scanned}"
        yield Relation(sql=sql, columns=kinds)
        if self._has_incomplete_dates(con, table, kinds, newer):
            kinds = {c: "VARCHAR" if kind in _TIMES else kind for c, kind in kinds.items()}
            sql = self._select(con, table, kinds, newer)
            yield Relation(sql=sql, columns=kinds, suspect=True)

    def _wide_numbers(self, con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
        """Columns of numbers that no decimal of DuckDB can hold."""
        found = self._query(
            con,
            "select column_name from information_schema.columns where table_schema = "
            f"{_text(self.database)} and table_name = {_text(table)} "
            "and data_type = 'decimal' and numeric_precision > 38",
        )
        return [name for (name,) in found]

    def _select(
        self, con: duckdb.DuckDBPyConnection, table: str, kinds: Mapping[str, str], newer: str
    ) -> str:
        """SQL that sends the server one SELECT and yields the types given.

        The scanner describes the columns of a query less well than those of a table: text with
        a binary collation as bytes, some decimals one digit short. Those are sent as text.
        """
        answered = columns_of(con, _mysql_query(f"select * from {table}"))
        sent, read = [], []
        for column, kind in kinds.items():
            name = _quoted(column)
            if kind == answered[column]:
                sent.append(name)
            elif answered[column] in _TIMES:
                zero = f"year({name}) = 0 and month({name}) = 0 and day({name}) = 0"
                sent.append(f"case when {zero} then null else cast({name} as char) end as {name}")
            else:
                sent.append(f"cast({name} as char) as {name}")
            read.append(f"cast({identifier(column)} as {kind}) as {identifier(column)}")
        query = f"select {', '.join(sent)} from {table}{newer}"
        return f"select {', '.join(read)} from ({_mysql_query(query)})"

    def _has_incomplete_dates(
        self, con: duckdb.DuckDBPyConnection, table: str, kinds: Mapping[str, str], newer: str
    ) -> bool:
        """Whether a date has no day or month, which the scanner refuses to read."""
        incomplete = [
            f"(month({n}) = 0 or day({n}) = 0) and year({n}) + month({n}) + day({n}) > 0"
            for n in (_quoted(c) for c, kind in kinds.items() if kind in _TIMES)
        ]
        if not incomplete:
            return False
        rows = f"select * from {table}{newer}"
        found = " or ".join(f"({condition})" for condition in incomplete)
        return bool(
            self._query(con, f"select exists (select 1 from ({rows}) as t where {found})")[0][0]
        )

    def _query(self, con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, ...]]:
        return con.execute(_mysql_query(sql)).fetchall()


def _mysql_query(sql: str) -> str:
    return f"select * from mysql_query('source', {literal(sql)})"


def _newer_in_mysql(request: Request, kinds: Mapping[str, str]) -> str:
    match bound_of(request):
        case Bound(column, int(number)) if kinds.get(column) in _WHOLE:
            name = _quoted(column)
            return f" where {name} >= {number} or {name} is null"
        case Bound(column, datetime() as instant) if kinds.get(column) in _TIMES:
            name = _quoted(column)
            value = f"timestamp '{instant.isoformat(sep=' ')}'"
            # A zero date is older than every date, and has to come as one without a value.
            none = f"{name} is null or {name} < '1000-01-01'"
            return f" where {name} >= {value} or {none}"
        case _:
            return ""


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return literal(value.replace("\\", "\\\\"))


def _word(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
