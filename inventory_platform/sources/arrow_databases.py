"""Reading SQL Server and Oracle, whose drivers hand out Arrow batches.

A load is one SELECT, streamed into DuckDB batch by batch. What the driver would round or give
in another form is turned into exact text, or into UTC, by the server itself; the expressions
are here, type by type. Databases that DuckDB reads by itself are in `databases.py`.

The drivers are optional packages and are imported when such a source is read.
"""

from __future__ import annotations

import importlib
import logging
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

import duckdb
import pyarrow as pa

from inventory_platform.duck import columns_of, identifier, literal
from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.base import Relation, Request, SourceTable
from inventory_platform.sources.databases import Bound, bound_of, cannot_open, take_apart

log = logging.getLogger(__name__)

CONNECT_SECONDS = 20
_ROWS_PER_BATCH = 10_000
_STREAM = "source_stream"


@dataclass(frozen=True)
class ServerColumn:
    """A column as the server's catalogue describes it."""

    name: str
    type: str
    precision: int | None = None
    scale: int | None = None


class ArrowDatabaseReader(ABC):
    """What reading the two systems has in common.

    Args:
        address: `scheme://user:password@host:port/database?option=value`.

    Raises:
        SettingsError: The address cannot be read, or has an option this kind of system does not
            know.
    """

    system: ClassVar[str]
    package: ClassVar[str]
    extra: ClassVar[str]
    options: ClassVar[Mapping[str, str]]
    """Options of an address → what the driver calls them."""

    def __init__(self, address: str) -> None:
        parts, self.port = take_apart(self.system, address)
        self.host = parts.hostname or "localhost"
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self.database = unquote(parts.path.lstrip("/"))
        self.where = f"{self.host}/{self.database}"
        given = {name.lower(): value for name, value in parse_qsl(parts.query)}
        unknown = sorted(set(given) - set(self.options))
        if unknown:
            raise SettingsError(
                f"The address of {self.system} at {self.where} has the unknown option "
                f"{unknown[0]!r}.",
                f"Known options: {', '.join(self.options)}.",
            )
        self.given = {self.options[name]: value for name, value in given.items()}

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Find out whether the server lets us in; each reading has a connection of its own."""
        del con
        with closing(self._open()):
            pass

    def tables(self, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
        """List tables with the keys and references the database declares."""
        del con
        with closing(self._open()) as connection:
            return self._tables(connection)

    def relations(self, con: duckdb.DuckDBPyConnection, request: Request) -> Iterator[Relation]:
        """Yield the one relation there is: a stream, which can be read once."""
        broken: list[Exception] = []
        with closing(self._open()) as connection:
            stream = self._stream(connection, request, broken)
            con.register(_STREAM, stream)
            sql = f"select * from {_STREAM}"
            # Dates with a time arrive in seconds, milliseconds or microseconds.
            as_microseconds = ", ".join(
                f"cast({identifier(name)} as timestamp) as {identifier(name)}"
                for name, kind in columns_of(con, sql).items()
                if kind in {"TIMESTAMP_S", "TIMESTAMP_MS"}
            )
            if as_microseconds:
                sql = f"select * replace ({as_microseconds}) from {_STREAM}"
            yield Relation(sql=sql, columns=columns_of(con, sql))
            if broken:
                raise self._broken_off(request.table, broken[0]) from None

    def _open(self) -> Any:
        driver = self._driver()
        try:
            return self._connect(driver)
        except driver.Error as error:
            raise self._cannot_open(error) from None

    def _driver(self) -> Any:
        try:
            return importlib.import_module(self.package)
        except ImportError as error:
            raise SourceError(
                f"{self.system} at {self.where} cannot be read: the package {self.package!r} is "
                f"not installed ({error}).",
                f'Install the platform with it: pip install "inventory-platform[{self.extra}]".',
            ) from None

    def _cannot_open(self, error: Exception) -> SourceError:
        return cannot_open(self.system, self.where, error, self.password)

    def _broken_off(self, table: str, error: Exception) -> SourceError:
        text = " ".join(str(error).split())
        if self.password:
            text = text.replace(self.password, "***")
        return SourceError(
            f"Reading {table!r} from {self.system} at {self.where} broke off: {text}.",
            "Load again. Nothing of this load is visible; the last good state stays.",
            is_transient=True,
        )

    def _stream(self, connection: Any, request: Request, broken: list[Exception]) -> Any:
        """A pyarrow RecordBatchReader; the error it breaks off with is put into `broken`."""
        driver = self._driver()
        try:
            self._begin(connection)
            columns = self._columns(connection, request.table)
            if not columns:
                raise SourceError(
                    f"{self.system} at {self.where} has no table {request.table!r}.",
                    "Correct the table name in the contract (as the catalogue writes it), or "
                    "grant this user the right to see it.",
                )
            schema, batches = self._read(connection, self._select(request, columns))
        except driver.Error as error:
            raise self._broken_off(request.table, error) from None
        rounded = [
            c.name
            for c in columns
            if self._is_exact(c) and pa.types.is_floating(schema.field(c.name).type)
        ]
        if rounded:
            raise SourceError(
                f"The driver of {self.system} gives {request.table}.{rounded[0]} as floating "
                "point, which would change its values.",
                f"Install the version of {self.package} the platform was tested with.",
            )

        def noticed() -> Iterator[Any]:
            try:
                yield from batches
            except (driver.Error, pa.ArrowException, OSError) as error:
                broken.append(error)
                raise

        return pa.RecordBatchReader.from_batches(schema, noticed())

    def _select(self, request: Request, columns: Sequence[ServerColumn]) -> str:
        listed = []
        for column in columns:
            expression = self._expression(column)
            if expression is None:
                log.warning(
                    "%s at %s: column %s.%s is left out, %s cannot be read.",
                    *(self.system, self.where, request.table, column.name, column.type),
                )
            else:
                listed.append(f"{expression} as {self._quoted(column.name)}")
        query = f"select {', '.join(listed)} from {self._qualified(request.table)}"
        bound = bound_of(request)
        for column in columns:
            if bound and column.name == bound.column:
                value = self._bound(column, bound)
                if value:
                    name = self._quoted(column.name)
                    query += f" where {name} >= {value} or {name} is null"
        return query

    @abstractmethod
    def _connect(self, driver: Any) -> Any:
        """Open a connection."""

    @abstractmethod
    def _begin(self, connection: Any) -> None:
        """Make what follows see one state of the database, where that can be had."""

    @abstractmethod
    def _tables(self, connection: Any) -> list[SourceTable]:
        """List tables with keys, references and columns that cannot be empty."""

    @abstractmethod
    def _columns(self, connection: Any, table: str) -> list[ServerColumn]:
        """The columns of a table or view in order; none when there is no such table."""

    @abstractmethod
    def _read(self, connection: Any, query: str) -> tuple[Any, Iterator[Any]]:
        """Run a SELECT: its Arrow schema and its batches."""

    @abstractmethod
    def _qualified(self, table: str) -> str:
        """A table's name as SQL takes it."""

    @abstractmethod
    def _quoted(self, name: str) -> str:
        """A name quoted for SQL."""

    @abstractmethod
    def _expression(self, column: ServerColumn) -> str | None:
        """SQL that yields a column unchanged in a type that Arrow has; None where there is none."""

    @abstractmethod
    def _bound(self, column: ServerColumn, bound: Bound) -> str | None:
        """SQL of a bound a column can be compared with; None where it cannot."""

    @abstractmethod
    def _is_exact(self, column: ServerColumn) -> bool:
        """Whether a column holds decimal numbers."""


def _fetched(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def _described(
    own_schema: str,
    columns: Collection[tuple[Any, ...]],
    keys: Collection[tuple[Any, ...]],
    references: Collection[tuple[Any, ...]],
) -> list[SourceTable]:
    """Put together what a catalogue says.

    Args:
        own_schema: The schema whose tables are named without it.
        columns: Schema, table, column, whether it is required; tables in order.
        keys: Schema, table, column; columns in the order of the key.
        references: Schema, table, column, and the same of what it refers to.
    """

    def named(schema: str, table: str) -> str:
        return table if schema == own_schema else f"{schema}.{table}"

    required: dict[str, set[str]] = {}
    for schema, table, column, is_required in columns:
        found = required.setdefault(named(schema, table), set())
        if is_required:
            found.add(column)
    key: dict[str, list[str]] = defaultdict(list)
    for schema, table, column in keys:
        key[named(schema, table)].append(column)
    refers: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for schema, table, column, to_schema, to_table, to_column in references:
        refers[named(schema, table)][column] = (named(to_schema, to_table), to_column)
    return [
        SourceTable(name, key=key[name], references=refers[name], not_null=frozenset(not_null))
        for name, not_null in required.items()
    ]


class SqlServerReader(ArrowDatabaseReader):
    """Reads one SQL Server database; tables outside `dbo` are named `schema.table`."""

    system = "SQL Server"
    package = "mssql_python"
    extra = "sqlserver"
    options: ClassVar[Mapping[str, str]] = {
        "encrypt": "Encrypt",
        "trustservercertificate": "TrustServerCertificate",
        "hostnameincertificate": "HostnameInCertificate",
        "servercertificate": "ServerCertificate",
        "applicationintent": "ApplicationIntent",
        "multisubnetfailover": "MultiSubnetFailover",
    }

    def _connect(self, driver: Any) -> Any:
        # Each statement is a transaction of its own, so that the one SELECT of a load is one.
        return driver.connect(
            autocommit=True,
            timeout=CONNECT_SECONDS,
            server=f"{self.host},{self.port}" if self.port else self.host,
            database=self.database,
            uid=self.user,
            pwd=self.password,
            **self.given,
        )

    def _cannot_open(self, error: Exception) -> SourceError:
        explained = super()._cannot_open(error)
        if "Failed to load the driver" in str(error):
            return SourceError(
                explained.what,
                "Install the system libraries of the ODBC driver; on Debian and Ubuntu: "
                "apt-get install libltdl7 libkrb5-3 libgssapi-krb5-2.",
            )
        return explained

    def _begin(self, connection: Any) -> None:
        ((snapshots, versioned),) = _fetched(
            connection,
            "select snapshot_isolation_state, is_read_committed_snapshot_on "
            "from sys.databases where database_id = db_id()",
        )
        if snapshots == 1:
            with closing(connection.cursor()) as cursor:
                cursor.execute("set transaction isolation level snapshot")
        elif not versioned:
            log.warning(
                "%s at %s: the database allows no snapshots. A row that is moved while it is "
                "read may come twice or not at all; see docs/databases.md.",
                *(self.system, self.where),
            )

    def _tables(self, connection: Any) -> list[SourceTable]:
        return _described(
            "dbo",
            _fetched(
                connection,
                "select c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, "
                "case when c.IS_NULLABLE = 'NO' then 1 else 0 end "
                "from INFORMATION_SCHEMA.COLUMNS c join INFORMATION_SCHEMA.TABLES t "
                "on t.TABLE_SCHEMA = c.TABLE_SCHEMA and t.TABLE_NAME = c.TABLE_NAME "
                "where t.TABLE_TYPE = 'BASE TABLE' "
                "order by c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION",
            ),
            _fetched(
                connection,
                "select schema_name(t.schema_id), t.name, col_name(k.object_id, k.column_id) "
                "from sys.indexes i join sys.tables t on t.object_id = i.object_id "
                "join sys.index_columns k on k.object_id = i.object_id "
                "and k.index_id = i.index_id "
                "where i.is_primary_key = 1 and k.key_ordinal > 0 "
                "order by t.object_id, k.key_ordinal",
            ),
            _fetched(
                connection,
                "select object_schema_name(parent_object_id), object_name(parent_object_id), "
                "col_name(parent_object_id, parent_column_id), "
                "object_schema_name(referenced_object_id), object_name(referenced_object_id), "
                "col_name(referenced_object_id, referenced_column_id) "
                "from sys.foreign_key_columns order by constraint_object_id, constraint_column_id",
            ),
        )

    def _columns(self, connection: Any, table: str) -> list[ServerColumn]:
        schema, name = self._split(table)
        found = _fetched(
            connection,
            "select COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE "
            f"from INFORMATION_SCHEMA.COLUMNS where TABLE_SCHEMA = N{literal(schema)} "
            f"and TABLE_NAME = N{literal(name)} order by ORDINAL_POSITION",
        )
        return [ServerColumn(*row) for row in found]

    def _read(self, connection: Any, query: str) -> tuple[Any, Iterator[Any]]:
        cursor = connection.cursor()
        cursor.execute(query)
        reader = cursor.arrow_reader(batch_size=_ROWS_PER_BATCH)
        return reader.schema, iter(reader)

    @staticmethod
    def _split(table: str) -> tuple[str, str]:
        schema, dot, name = table.partition(".")
        return (schema, name) if dot else ("dbo", table)

    def _qualified(self, table: str) -> str:
        return ".".join(self._quoted(part) for part in self._split(table))

    def _quoted(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def _expression(self, column: ServerColumn) -> str:
        name = self._quoted(column.name)
        match column.type:
            case "money":
                return f"cast({name} as decimal(19, 4))"
            case "smallmoney":
                return f"cast({name} as decimal(10, 4))"
            case "datetimeoffset":
                return f"cast(switchoffset({name}, '+00:00') as datetime2(7))"
            case "time":
                return f"convert(varchar(16), {name})"
            case "uniqueidentifier":
                return f"lower(convert(char(36), {name}))"
            case "timestamp" | "rowversion":
                return f"convert(binary(8), {name})"
            case "image":
                return f"convert(varbinary(max), {name})"
            case "geography" | "geometry" | "hierarchyid":
                return f"{name}.ToString()"
            case "sql_variant":
                return f"convert(nvarchar(4000), {name})"
            case kind if kind in _SQL_SERVER_AS_IS:
                return name
            case _:
                return f"convert(nvarchar(max), {name})"

    def _bound(self, column: ServerColumn, bound: Bound) -> str | None:
        match column.type, bound.value:
            case "tinyint" | "smallint" | "int" | "bigint", int(number):
                return str(number)
            case "decimal" | "numeric", int(number) if column.scale == 0:
                return str(number)
            case "date" | "datetime2", datetime() as instant:
                return f"cast('{instant.isoformat()}' as datetime2(7))"
            case "datetimeoffset", datetime() as instant:
                return f"cast('{instant.isoformat()}+00:00' as datetimeoffset(7))"
            # These count in three-hundredths of a second, and are shown in milliseconds.
            case "datetime" | "smalldatetime", datetime() as instant:
                return f"cast('{instant.isoformat(timespec='milliseconds')}' as datetime)"
            case _:
                return None

    def _is_exact(self, column: ServerColumn) -> bool:
        return column.type in {"decimal", "numeric", "money", "smallmoney"}


_SQL_SERVER_AS_IS = {
    *("bit", "tinyint", "smallint", "int", "bigint", "decimal", "numeric", "real", "float"),
    *("date", "datetime", "smalldatetime", "datetime2"),
    *("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"),
}


class OracleReader(ArrowDatabaseReader):
    """Reads one Oracle service; tables of other schemas than one's own are `SCHEMA.TABLE`."""

    system = "Oracle"
    package = "oracledb"
    extra = "oracle"
    options: ClassVar[Mapping[str, str]] = {
        "protocol": "protocol",
        "wallet_location": "wallet_location",
    }

    def _connect(self, driver: Any) -> Any:
        return driver.connect(
            host=self.host,
            port=self.port or 1521,
            service_name=self.database,
            user=self.user,
            password=self.password,
            tcp_connect_timeout=float(CONNECT_SECONDS),
            **self.given,
        )

    def _begin(self, connection: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute("set transaction read only")

    def _tables(self, connection: Any) -> list[SourceTable]:
        ((own_schema,),) = _fetched(
            connection, "select sys_context('userenv', 'current_schema') from dual"
        )
        users = "(select username from all_users where oracle_maintained = 'N')"
        return _described(
            own_schema,
            _fetched(
                connection,
                "select c.owner, c.table_name, c.column_name, "
                "case when c.nullable = 'N' then 1 else 0 end "
                "from all_tab_columns c join all_tables t "
                "on t.owner = c.owner and t.table_name = c.table_name "
                f"where c.owner in {users} order by c.owner, c.table_name, c.column_id",
            ),
            _fetched(
                connection,
                "select k.owner, k.table_name, k.column_name "
                "from all_constraints c join all_cons_columns k "
                "on k.owner = c.owner and k.constraint_name = c.constraint_name "
                f"where c.constraint_type = 'P' and c.owner in {users} "
                "order by k.owner, k.table_name, k.position",
            ),
            _fetched(
                connection,
                "select k.owner, k.table_name, k.column_name, f.owner, f.table_name, "
                "f.column_name from all_constraints c "
                "join all_cons_columns k on k.owner = c.owner "
                "and k.constraint_name = c.constraint_name "
                "join all_cons_columns f on f.owner = c.r_owner "
                "and f.constraint_name = c.r_constraint_name and f.position = k.position "
                f"where c.constraint_type = 'R' and c.owner in {users} "
                "order by k.owner, k.table_name, k.constraint_name, k.position",
            ),
        )

    def _columns(self, connection: Any, table: str) -> list[ServerColumn]:
        schema, dot, name = table.partition(".")
        owner = literal(schema) if dot else "sys_context('userenv', 'current_schema')"
        found = _fetched(
            connection,
            "select column_name, data_type, data_precision, data_scale from all_tab_columns "
            f"where owner = {owner} and table_name = {literal(name if dot else table)} "
            "order by column_id",
        )
        return [ServerColumn(*row) for row in found]

    def _read(self, connection: Any, query: str) -> tuple[Any, Iterator[Any]]:
        frames = connection.fetch_df_batches(
            statement=query, size=_ROWS_PER_BATCH, fetch_decimals=True
        )
        # Even without rows there is a first frame.
        first = pa.table(next(frames))

        def batches() -> Iterator[Any]:
            yield from first.to_batches()
            for frame in frames:
                yield from pa.table(frame).to_batches()

        return first.schema, batches()

    def _qualified(self, table: str) -> str:
        schema, dot, name = table.partition(".")
        return f"{identifier(schema)}.{identifier(name)}" if dot else identifier(table)

    def _quoted(self, name: str) -> str:
        return identifier(name)

    def _expression(self, column: ServerColumn) -> str | None:
        name = identifier(column.name)
        kind, digits, zone = _timestamp(column.type)
        match kind:
            case "NUMBER" if self._is_exact(column):
                return name
            # All digits; a plain NUMBER may have more than any Arrow decimal.
            case "NUMBER" | "FLOAT":
                return f"to_char({name}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
            case "TIMESTAMP":
                instant = f"sys_extract_utc({name})" if zone else name
                if digits > 6:
                    # Nanoseconds of Arrow end in 2262, and a cast to microseconds would round.
                    written = f"to_char({instant}, 'SYYYY-MM-DD HH24:MI:SS.FF9')"
                    return f"ltrim(substr({written}, 1, 27))"
                return f"cast({instant} as timestamp({digits}))" if zone else name
            case "INTERVAL":
                return f"to_char({name})"
            case "ROWID" | "UROWID":
                return f"cast({name} as varchar2(4000))"
            case "XMLTYPE":
                return f"xmlserialize(content {name} as clob)"
            case "JSON":
                return f"json_serialize({name} returning clob)"
            case _ if kind in _ORACLE_AS_IS:
                return name
            case _:
                return None

    def _bound(self, column: ServerColumn, bound: Bound) -> str | None:
        kind, _, zone = _timestamp(column.type)
        match kind, bound.value:
            case "NUMBER", int(number) if column.scale == 0:
                return str(number)
            case "DATE", datetime() as instant:
                written = instant.isoformat(sep=" ", timespec="seconds")
                return f"to_date('{written}', 'YYYY-MM-DD HH24:MI:SS')"
            case "TIMESTAMP", datetime() as instant:
                return f"timestamp '{instant.isoformat(sep=' ')}{' +00:00' if zone else ''}'"
            case _:
                return None

    def _is_exact(self, column: ServerColumn) -> bool:
        return (
            column.type == "NUMBER"
            and column.precision is not None
            and column.scale is not None
            and 0 <= column.scale <= column.precision
        )


_ORACLE_AS_IS = {
    *("CHAR", "NCHAR", "VARCHAR2", "NVARCHAR2", "CLOB", "NCLOB", "LONG"),
    *("RAW", "BLOB", "LONG RAW", "DATE", "BINARY_FLOAT", "BINARY_DOUBLE", "BOOLEAN"),
}


def _timestamp(kind: str) -> tuple[str, int, bool]:
    """Take a type apart: its name, the digits of its fraction, whether it has a time zone."""
    if kind.startswith("INTERVAL"):
        return "INTERVAL", 0, False
    if found := re.fullmatch(r"TIMESTAMP\((\d)\)( WITH(?: LOCAL)? TIME ZONE)?", kind):
        return "TIMESTAMP", int(found[1]), found[2] is not None
    return kind, 0, False
