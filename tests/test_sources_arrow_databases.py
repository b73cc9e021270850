"""SQL Server and Oracle through drivers that play a server: what is sent, and what is kept.

No server of either kind is at hand. The stand-ins answer with real Arrow data through the
methods the drivers document; that the installed drivers have these methods is tested, too.
"""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import inspect
import logging
import socket
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import ModuleType

import pyarrow as pa
import pytest

from inventory_platform import duck
from inventory_platform.contracts.base import (
    Binary,
    Contract,
    Date,
    Flag,
    Integer,
    Money,
    Number,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.landing.loader import Loader
from inventory_platform.sources.arrow_databases import OracleReader, SqlServerReader
from inventory_platform.sources.base import Request

ADDRESS = {
    "mssql_python": "mssql://shop:hidden-word@db.example:1433/stock",
    "oracledb": "oracle://shop:hidden-word@db.example:1521/stock",
}
READER = {"mssql_python": SqlServerReader, "oracledb": OracleReader}


@dataclass
class Server:
    """Plays a driver and the server behind it.

    `answers` maps a part of a statement to its rows, `columns` is the catalogue of the one
    table there is, `batches` is what its SELECT yields; an exception among them is raised.
    """

    answers: dict = field(default_factory=dict)
    columns: list = field(default_factory=list)
    batches: list = field(default_factory=list)
    refusal: str = ""
    sent: list = field(default_factory=list)
    opened: list = field(default_factory=list)
    open_now: int = 0

    class Error(Exception):
        pass

    def connect(self, **words):
        self.opened.append(words)
        if self.refusal:
            raise self.Error(self.refusal)
        self.open_now += 1
        return Connection(self)

    def rows(self, statement):
        self.sent.append(statement)
        for part, rows in self.answers.items():
            if part in statement:
                return rows
        if "from INFORMATION_SCHEMA.COLUMNS where" in statement:
            return self.columns
        if "from all_tab_columns where" in statement:
            return self.columns
        return []

    def stream(self):
        for batch in self.batches:
            if isinstance(batch, Exception):
                raise batch
            yield batch

    @property
    def selects(self):
        return [s for s in self.sent if " from [dbo].[moves]" in s or ' from "MOVES"' in s]


@dataclass
class Connection:
    server: Server

    def cursor(self):
        return Cursor(self.server)

    def fetch_df_batches(self, statement, parameters=None, size=None, *, fetch_decimals=None):
        assert fetch_decimals
        self.server.rows(statement)
        for batch in self.server.stream():
            yield pa.Table.from_batches([batch])

    def close(self):
        self.server.open_now -= 1


@dataclass
class Cursor:
    server: Server

    def execute(self, statement):
        self.found = self.server.rows(statement)
        return self

    def fetchall(self):
        return self.found

    def arrow_reader(self, batch_size=8192):
        return pa.RecordBatchReader.from_batches(
            self.server.batches[0].schema, self.server.stream()
        )

    def close(self):
        pass


@pytest.fixture
def played(monkeypatch):
    """Puts a server in the place of a driver."""

    def play(package, **answers):
        server = Server(**answers)
        server.answers.setdefault("from sys.databases", [(1, False)])
        module = ModuleType(package)
        module.connect, module.Error = server.connect, Server.Error
        monkeypatch.setitem(sys.modules, package, module)
        return server, READER[package](ADDRESS[package])

    return play


class Moves(Contract):
    """A table that is read from its cursor on."""

    id: Integer = column("ID", "Key.")
    changed: Timestamp = column("CHANGED", "Last change.")

    class Config:
        metadata = table("moves", key=["id"], cursor="changed", lookback=timedelta(minutes=10))


class OracleMoves(Moves):
    """The same in Oracle, which writes names large."""

    class Config:
        metadata = table("MOVES", key=["id"], cursor="changed", lookback=timedelta(minutes=10))


MOVES = {
    "mssql_python": describe(Moves, "far"),
    "oracledb": describe(OracleMoves, "far"),
}
CATALOGUE = {
    "mssql_python": [("ID", "bigint", 19, 0), ("CHANGED", "datetime2", None, None)],
    "oracledb": [("ID", "NUMBER", 18, 0), ("CHANGED", "TIMESTAMP(6)", None, 6)],
}
BOTH = pytest.mark.parametrize("package", ["mssql_python", "oracledb"])


def moves(*rows):
    ids, times = zip(*rows, strict=True) if rows else ((), ())
    schema = pa.schema([("ID", pa.decimal128(18, 0)), ("CHANGED", pa.timestamp("us"))])
    return pa.record_batch(
        [pa.array(map(Decimal, ids), schema[0].type), list(times)], schema=schema
    )


def load(shop, contract, reader):
    return Loader(shop.settings, reader, address="far").load(contract)


@BOTH
def test_batches_become_rows_and_the_next_load_asks_from_the_cursor_on(shop, played, package):
    noon = datetime(2026, 1, 1, 12)
    server, reader = played(package, columns=CATALOGUE[package])
    server.batches = [moves((1, noon), (2, noon)), moves((3, noon + timedelta(hours=1)))]
    assert load(shop, MOVES[package], reader).rows_loaded == 3
    assert "where" not in server.selects[0]

    server.batches = [moves((3, noon + timedelta(hours=1)), (4, noon + timedelta(minutes=55)))]
    record = load(shop, MOVES[package], reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (2, 1, 1)
    bound = {
        "mssql_python": "[CHANGED] >= cast('2026-01-01T12:50:00' as datetime2(7)) "
        "or [CHANGED] is null",
        "oracledb": '"CHANGED" >= timestamp \'2026-01-01 12:50:00\' or "CHANGED" is null',
    }
    assert server.selects[1].endswith(f" where {bound[package]}")
    assert server.open_now == 0


@BOTH
def test_a_row_the_server_sends_though_it_is_too_old_is_left_out(shop, played, package):
    noon = datetime(2026, 1, 1, 12)
    server, reader = played(package, columns=CATALOGUE[package], batches=[moves((1, noon))])
    load(shop, MOVES[package], reader)
    server.batches = [moves((2, noon - timedelta(minutes=11)), (3, noon - timedelta(minutes=10)))]
    assert load(shop, MOVES[package], reader).rows_read == 1


@BOTH
def test_a_table_without_rows_is_read(shop, played, package):
    _, reader = played(package, columns=CATALOGUE[package], batches=[moves()])
    assert load(shop, MOVES[package], reader).rows_read == 0


@BOTH
def test_a_stream_that_breaks_off_leaves_nothing_and_is_loaded_whole_again(shop, played, package):
    noon = datetime(2026, 1, 1, 12)
    server, reader = played(package, columns=CATALOGUE[package])
    server.batches = [moves((1, noon)), Server.Error("link lost, said hidden-word")]
    with pytest.raises(SourceError) as caught:
        load(shop, MOVES[package], reader)
    assert "broke off: link lost, said ***" in caught.value.what
    assert "hidden-word" not in str(caught.value)
    assert shop.files() == []
    assert server.open_now == 0
    server.batches = [moves((1, noon)), moves((2, noon))]
    assert load(shop, MOVES[package], reader).rows_loaded == 2


@BOTH
def test_a_rejected_row_does_not_read_the_stream_twice(shop, played, package, adds_up):
    noon = datetime(2026, 1, 1, 12)
    server, reader = played(package, columns=CATALOGUE[package])
    server.batches = [moves((1, noon), (2, None))]
    record = load(shop, MOVES[package], reader)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 1)
    assert adds_up(record)
    assert len(server.selects) == 1


@BOTH
def test_an_unknown_table_is_named(shop, played, package):
    server, reader = played(package, columns=[])
    with pytest.raises(SourceError, match=r"has no table '(?i:moves)'"):
        load(shop, MOVES[package], reader)
    assert server.open_now == 0


@BOTH
@pytest.mark.parametrize(
    ("refusal", "remedy"),
    [
        ("Login failed for user 'shop', not with hidden-word", "the user or the password"),
        ("ORA-01017: invalid credential", "the user or the password"),
        ('Cannot open database "stock" requested by the login. Login failed', "database name"),
        ("DPY-6001: Service is not registered with the listener", "database name"),
        ("timeout expired", "the server runs"),
    ],
)
def test_a_refusal_is_named_and_the_password_not_shown(shop, played, package, refusal, remedy):
    _, reader = played(package, refusal=refusal)
    with pytest.raises(SourceError) as caught:
        load(shop, MOVES[package], reader)
    assert "db.example/stock cannot be opened" in caught.value.what
    assert remedy in caught.value.remedy
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("package", "extra"), [("mssql_python", "[sqlserver]"), ("oracledb", "[oracle]")]
)
def test_a_missing_driver_is_named_with_what_installs_it(shop, monkeypatch, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SourceError) as caught:
        load(shop, MOVES[package], READER[package](ADDRESS[package]))
    assert package in caught.value.what
    assert extra in caught.value.remedy


@BOTH
def test_an_unknown_option_of_an_address_is_named(package):
    with pytest.raises(SettingsError, match="unknown option 'colour'"):
        READER[package](f"{ADDRESS[package]}?colour=blue")


@BOTH
def test_a_driver_that_rounds_decimals_is_refused(shop, played, package):
    kinds = {
        "mssql_python": [("ID", "decimal", 18, 2)],
        "oracledb": [("ID", "NUMBER", 18, 2)],
    }
    _, reader = played(package, columns=kinds[package], batches=[pa.record_batch({"ID": [0.1]})])
    with pytest.raises(SourceError, match=r"(?i)moves\.ID as floating point"):
        load(shop, MOVES[package], reader)


@BOTH
def test_what_is_declared_is_listed(played, package):
    own = {"mssql_python": "dbo", "oracledb": "SHOP"}[package]
    server, reader = played(package)
    server.answers |= {
        "current_schema') from dual": [("SHOP",)],
        "join INFORMATION_SCHEMA.TABLES": columns_of(own),
        "join all_tables": columns_of(own),
        "is_primary_key": keys_of(own),
        "constraint_type = 'P'": keys_of(own),
        "foreign_key_columns": references_of(own),
        "constraint_type = 'R'": references_of(own),
    }
    found = {t.name: t for t in reader.tables(None)}
    assert list(found) == ["a", "far.b"]
    assert (found["a"].key, found["a"].not_null) == (["id"], {"id"})
    assert found["far.b"].key == ["x", "y"]
    assert found["far.b"].references == {"a_id": ("a", "id")}


def columns_of(own):
    return [
        (own, "a", "id", 1), (own, "a", "name", 0),
        ("far", "b", "x", 1), ("far", "b", "y", 1), ("far", "b", "a_id", 0),
    ]  # fmt: skip


def keys_of(own):
    return [(own, "a", "id"), ("far", "b", "x"), ("far", "b", "y")]


def references_of(own):
    return [("far", "b", "a_id", own, "a", "id")]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("decimal", "[C]"),
        ("nvarchar", "[C]"),
        ("datetime2", "[C]"),
        ("money", "cast([C] as decimal(19, 4))"),
        ("datetimeoffset", "cast(switchoffset([C], '+00:00') as datetime2(7))"),
        ("uniqueidentifier", "lower(convert(char(36), [C]))"),
        ("time", "convert(varchar(16), [C])"),
        ("timestamp", "convert(binary(8), [C])"),
        ("xml", "convert(nvarchar(max), [C])"),
        ("geography", "[C].ToString()"),
        ("a_type_of_tomorrow", "convert(nvarchar(max), [C])"),
    ],
)
def test_sql_server_sends_each_type_so_that_no_value_changes(played, shop, kind, expected):
    server, reader = played("mssql_python", columns=[("C", kind, None, None)])
    assert sent(shop, server, reader, "moves") == f"select {expected} as [C] from [dbo].[moves]"


@pytest.mark.parametrize(
    ("kind", "precision", "scale", "expected"),
    [
        ("NUMBER", 12, 2, '"C"'),
        ("NUMBER", None, None, "to_char(\"C\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"),
        ("NUMBER", None, 0, "to_char(\"C\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"),
        ("NUMBER", 5, -2, "to_char(\"C\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"),
        ("DATE", None, None, '"C"'),
        ("TIMESTAMP(6)", None, 6, '"C"'),
        (
            "TIMESTAMP(9)", None, 9,
            "ltrim(substr(to_char(\"C\", 'SYYYY-MM-DD HH24:MI:SS.FF9'), 1, 27))",
        ),
        ("TIMESTAMP(3) WITH TIME ZONE", None, 3, 'cast(sys_extract_utc("C") as timestamp(3))'),
        (
            "TIMESTAMP(6) WITH LOCAL TIME ZONE", None, 6,
            'cast(sys_extract_utc("C") as timestamp(6))',
        ),
        ("XMLTYPE", None, None, 'xmlserialize(content "C" as clob)'),
        ("INTERVAL DAY(2) TO SECOND(6)", 2, 6, 'to_char("C")'),
    ],
)  # fmt: skip
def test_oracle_sends_each_type_so_that_no_value_changes(
    played, shop, kind, precision, scale, expected
):
    server, reader = played("oracledb", columns=[("C", kind, precision, scale)])
    assert sent(shop, server, reader, "MOVES") == f'select {expected} as "C" from "MOVES"'


@pytest.mark.parametrize(
    ("package", "kind", "scale", "bound", "expected"),
    [
        ("mssql_python", "int", 0, "41", "41"),
        ("mssql_python", "decimal", 0, "-41", "-41"),
        ("mssql_python", "decimal", 2, "41", None),
        ("mssql_python", "date", None, "2026-01-05", "cast('2026-01-05T00:00:00' as datetime2(7))"),
        (
            "mssql_python", "datetime", None, "2026-01-05 06:00:00.007999",
            "cast('2026-01-05T06:00:00.007' as datetime)",
        ),
        (
            "mssql_python", "datetimeoffset", None, "2026-01-05 06:00:00",
            "cast('2026-01-05T06:00:00+00:00' as datetimeoffset(7))",
        ),
        ("mssql_python", "nvarchar", None, "2026-01-05 06:00:00", None),
        ("oracledb", "NUMBER", 0, "41", "41"),
        (
            "oracledb", "DATE", None, "2026-01-05 06:00:00.9",
            "to_date('2026-01-05 06:00:00', 'YYYY-MM-DD HH24:MI:SS')",
        ),
        (
            "oracledb", "TIMESTAMP(9) WITH TIME ZONE", 9, "2026-01-05 06:00:00.123456",
            "timestamp '2026-01-05 06:00:00.123456 +00:00'",
        ),
        ("oracledb", "VARCHAR2", None, "2026-01-05 06:00:00", None),
        ("oracledb", "DATE", None, "0044-03-15 (BC)", None),
    ],
)  # fmt: skip
def test_a_bound_is_sent_only_to_columns_it_can_be_compared_with(
    played, shop, package, kind, scale, bound, expected
):
    server, reader = played(package, columns=[("C", kind, 18, scale)])
    name = {"mssql_python": "moves", "oracledb": "MOVES"}[package]
    quoted = {"mssql_python": "[C]", "oracledb": '"C"'}[package]
    query = sent(shop, server, reader, name, ("C", bound))
    assert query.partition(" where ")[2] == (
        f"{quoted} >= {expected} or {quoted} is null" if expected else ""
    )


def sent(shop, server, reader, name, newer_than=None):
    """The SELECT that is sent for the columns of the catalogue."""
    server.batches = [pa.record_batch({"C": ["x"]})]
    # A column of numbers has to come as one.
    if server.columns[0][1] in {"decimal", "money", "NUMBER"}:
        server.batches = [pa.record_batch({"C": pa.array([1], pa.decimal128(18, 2))})]
    with duck.connect(shop.settings) as con:
        list(reader.relations(con, Request(name, newer_than=newer_than)))
    (query,) = server.selects
    return query


def test_sql_server_reads_from_a_snapshot_where_the_database_allows_it(shop, played, caplog):
    server, reader = played("mssql_python", columns=CATALOGUE["mssql_python"], batches=[moves()])
    load(shop, MOVES["mssql_python"], reader)
    isolation = server.sent.index("set transaction isolation level snapshot")
    assert isolation < server.sent.index(server.selects[0])
    assert all(words["autocommit"] for words in server.opened)
    assert caplog.records == []


@pytest.mark.parametrize(("versioned", "warnings"), [(True, 0), (False, 1)])
def test_sql_server_without_snapshots_is_read_with_a_warning(
    shop, played, caplog, versioned, warnings
):
    server, reader = played("mssql_python", columns=CATALOGUE["mssql_python"], batches=[moves()])
    server.answers["from sys.databases"] = [(0, versioned)]
    with caplog.at_level(logging.WARNING):
        load(shop, MOVES["mssql_python"], reader)
    assert len([r for r in caplog.records if "allows no snapshots" in r.message]) == warnings
    assert "set transaction isolation level snapshot" not in server.sent


def test_oracle_is_read_in_a_transaction_that_cannot_write(shop, played):
    server, reader = played("oracledb", columns=CATALOGUE["oracledb"], batches=[moves()])
    load(shop, MOVES["oracledb"], reader)
    assert server.sent[0] == "set transaction read only"


def test_what_oracle_cannot_send_is_left_out_with_a_warning(shop, played, caplog):
    columns = [*CATALOGUE["oracledb"], ("PLACE", "SDO_GEOMETRY", None, None)]
    server, reader = played("oracledb", columns=columns, batches=[moves()])
    with caplog.at_level(logging.WARNING):
        load(shop, MOVES["oracledb"], reader)
    assert "PLACE" not in server.selects[0]
    assert "column MOVES.PLACE is left out, SDO_GEOMETRY" in caplog.text


def test_options_of_an_address_reach_the_driver(shop, played):
    server, _ = played("mssql_python", columns=CATALOGUE["mssql_python"], batches=[moves()])
    address = "mssql://shop:hid%2Fden@db.example/stock?Encrypt=yes&ApplicationIntent=ReadOnly"
    load(shop, MOVES["mssql_python"], SqlServerReader(address))
    words = server.opened[0]
    assert (words["server"], words["pwd"]) == ("db.example", "hid/den")
    assert (words["Encrypt"], words["ApplicationIntent"]) == ("yes", "ReadOnly")


class Wares(Contract):
    """Arrow types as the drivers document them."""

    id: Integer = column("ID", "bigint.")
    price: Money = column("PRICE", "decimal.", nullable=True)
    many: Text = column("MANY", "decimal(38, 0).", nullable=True)
    size: Number = column("SIZE", "float.", nullable=True)
    ok: Flag = column("OK", "bit.", nullable=True)
    day: Date = column("DAY", "date.", nullable=True)
    at: Timestamp = column("AT", "datetime2, or Oracle's DATE.", nullable=True)
    only_day: Date = column("ONLY_DAY", "Oracle's DATE without a time.", nullable=True)
    name: Text = column("NAME", "nvarchar.", nullable=True)
    raw: Binary = column("RAW", "varbinary.", nullable=True)

    class Config:
        metadata = table("moves", key=["id"])


def test_arrow_types_arrive_exactly(shop, played):
    contract = describe(Wares, "far")
    schema = pa.schema({
        "ID": pa.int64(), "PRICE": pa.decimal128(19, 4), "MANY": pa.decimal128(38, 0),
        "SIZE": pa.float64(), "OK": pa.bool_(), "DAY": pa.date32(), "AT": pa.timestamp("s"),
        "ONLY_DAY": pa.timestamp("s"), "NAME": pa.large_string(), "RAW": pa.large_binary(),
    })  # fmt: skip
    values = {
        "ID": [2**63 - 1, 2, 3], "PRICE": [Decimal("9999999999.9900"), Decimal("1.0050"), None],
        "MANY": [Decimal("-" + "9" * 38), None, None], "SIZE": [0.30000000000000004, None, None],
        "OK": [True, None, None], "DAY": [date(9999, 12, 31), None, None],
        "AT": [datetime(9999, 12, 31, 23, 59, 59), None, None],
        "ONLY_DAY": [datetime(2024, 2, 29), None, datetime(2024, 2, 29, 1)],
        "NAME": ["Käse", None, None], "RAW": [b"\x00\xff", None, None],
    }  # fmt: skip
    columns = [(name, "varbinary", None, None) for name in schema.names]
    _, reader = played(
        "mssql_python", columns=columns, batches=[pa.record_batch(values, schema=schema)]
    )
    record = load(shop, contract, reader)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 2)
    assert shop.current(contract) == [
        (
            2**63 - 1, Decimal("9999999999.99"), "-" + "9" * 38, 0.30000000000000004, True,
            date(9999, 12, 31), datetime(9999, 12, 31, 23, 59, 59), date(2024, 2, 29), "Käse",
            b"\x00\xff",
        )
    ]  # fmt: skip
    assert sorted(code for _, code in shop.rejects(contract)) == ["not_a_date", "too_precise"]


# -- the drivers themselves --------------------------------------------------------------------


def test_the_driver_of_sql_server_has_what_is_called():
    driver = pytest.importorskip("mssql_python")
    connect = inspect.signature(driver.connect).parameters
    assert {"autocommit", "timeout", "kwargs"} <= set(connect)
    reader = inspect.signature(driver.Cursor.arrow_reader).parameters
    assert list(reader) == ["self", "batch_size"]
    assert issubclass(driver.DatabaseError, driver.Error)
    assert {"execute", "fetchall", "close"} <= set(dir(driver.Cursor))
    assert {"cursor", "close"} <= set(dir(driver.Connection))


def test_the_driver_of_oracle_has_what_is_called():
    driver = pytest.importorskip("oracledb")
    words = {"host", "port", "service_name", "user", "password", "tcp_connect_timeout"}
    assert words | {"protocol", "wallet_location"} <= set(
        inspect.signature(driver.connect).parameters
    )
    fetch = inspect.signature(driver.Connection.fetch_df_batches).parameters
    assert {"statement", "size", "fetch_decimals"} <= set(fetch)
    assert hasattr(driver.DataFrame, "__arrow_c_stream__")
    assert issubclass(driver.DatabaseError, driver.Error)


@BOTH
def test_a_server_that_is_not_there_is_named_by_the_real_driver(shop, package):
    pytest.importorskip(package)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reader = READER[package](
        ADDRESS[package]
        .replace("db.example", "127.0.0.1")
        .replace(ADDRESS[package].rpartition(":")[2].partition("/")[0], str(port))
    )
    with pytest.raises(SourceError) as caught:
        load(shop, MOVES[package], reader)
    assert "127.0.0.1/stock cannot be opened" in caught.value.what
    assert "hidden-word" not in str(caught.value)
