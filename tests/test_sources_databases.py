"""Postgres and MariaDB, run for real: exact types, cursors, snapshots, errors without secrets."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import date, datetime, timedelta
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
from tests.postgres_server import running_postgres
from tests.receivers import self_signed

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
def postgres():
    with running_postgres() as server:
        yield server.get_uri()


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


class Strict(Moves):
    """The same without an overlap: nothing is read twice, nothing late is found."""

    class Config:
        metadata = table("moves", key=["id"], cursor="changed", lookback=timedelta(0))


class Accounts(Contract):
    """Writers move amounts between its rows, so that their sum never changes."""

    id: Integer = column("id", "Key.")
    amount: Integer = column("amount", "Amount.")

    class Config:
        metadata = table("accounts", key=["id"])


class Slow(Moves):
    """A view that takes its time."""

    class Config:
        metadata = table("slow", key=["id"])


def load(shop, contract, reader, **options):
    settings = shop.settings.model_copy(update=options)
    loader = Loader(settings, reader, address="server", secrets=frozenset({"hidden-word"}))
    return loader.load(contract)


@contextmanager
def meanwhile(work):
    """Repeats some work in a thread until the block is over; what it raises is raised here."""
    over, failures = threading.Event(), []

    def repeat():
        number = 0
        while not over.is_set() and not failures:
            number += 1
            try:
                work(number)
            except Exception as error:  # noqa: BLE001  It is raised below.
                failures.append(error)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
    assert not thread.is_alive()
    assert failures == []


@contextmanager
def connected(shop, extension, address):
    """A function that runs a statement in a server, each in a transaction of its own."""
    with duck.connect(shop.settings) as con:
        duck.load_extension(con, f"{extension}_scanner")
        con.execute(f"attach {duck.literal(address)} as db (type {extension})")

        def execute(statement):
            con.execute(f"call {extension}_execute('db', {duck.literal(statement)})")

        def ask(query):
            sql = f"from {extension}_query('db', {duck.literal(query)})"
            return con.execute(sql).fetchall()

        yield execute, ask


def changes_while_reading(shop, extension, address, contract, reader):
    """Loads while amounts are moved and rows come in pairs: each load must see one state."""
    with connected(shop, extension, address) as (execute, _):

        def move(number):
            one, other = 1 + number * 7919 % 60_000, 1 + number * 104_729 % 60_000
            execute(
                f"update accounts set amount = amount + case id when {one} then 5 else -5 end "
                f"where id in ({one}, {other}) and {one} <> {other}"
            )
            new = 1_000_000 + 2 * number
            execute(f"insert into accounts values ({new}, 3, ''), ({new + 1}, -3, '')")

        with meanwhile(move):
            for _ in range(5):
                record = load(shop, contract, reader, threads=4)
                ids, amounts = zip(*shop.current(contract), strict=True)
                assert len(set(ids)) == len(ids) == record.rows_read
                assert sum(amounts) == 0
                # Without changes since the load before it would show nothing.
                assert record.rows_loaded > 0
    load(shop, contract, reader, threads=4)
    return len(shop.current(contract))


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
    assert tags == "{x,y}"
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


def test_what_postgres_commits_late_is_found_within_the_overlap(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists moves cascade",
        "create table moves (id bigint, changed timestamp)",
        "insert into moves values (1, '2026-01-01 12:00:00')",
    )  # fmt: skip
    moves, reader = describe(Moves, "pg"), PostgresReader(postgres)
    load(shop, moves, reader)
    run(
        shop, "postgres", postgres,
        "insert into moves values (2, '2026-01-01 11:50:00'), (3, '2026-01-01 11:49:59.999')",
    )  # fmt: skip
    record = load(shop, moves, reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (2, 1, 1)
    assert [row[0] for row in shop.current(moves)] == [1, 2]


def test_rows_of_postgres_as_new_as_the_newest_are_neither_lost_nor_doubled(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists moves cascade",
        "create table moves (id bigint, changed timestamptz)",
        "insert into moves values (1, '2026-01-01 12:00:00.000001+02')",
    )  # fmt: skip
    strict, reader = describe(Strict, "pg"), PostgresReader(postgres)
    load(shop, strict, reader)
    run(shop, "postgres", postgres, "insert into moves select 2, changed from moves")
    record = load(shop, strict, reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (2, 1, 1)
    record = load(shop, strict, reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (2, 0, 2)
    assert shop.versions(strict) == [
        (1, datetime(2026, 1, 1, 10, 0, 0, 1), False),
        (2, datetime(2026, 1, 1, 10, 0, 0, 1), False),
    ]


def test_postgres_finds_the_rows_from_the_cursor_on_by_its_index(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists moves cascade",
        "create table moves (id bigint, changed timestamp)",
        "insert into moves select i, timestamp '2026-01-01' + i * interval '1 minute' "
        "from generate_series(1, 50000) i",
        "create index on moves (changed)", "analyze moves",
    )  # fmt: skip
    moves, reader = describe(Moves, "pg"), PostgresReader(postgres)
    load(shop, moves, reader)
    with connected(shop, "postgres", postgres) as (_, ask):
        query = "select seq_tup_read, idx_scan from pg_stat_user_tables where relname = 'moves'"
        # A backend reports what it did when it ends, or a second later.
        time.sleep(1.5)
        ((rows, scans),) = ask(query)
        assert rows > 50_000
        assert load(shop, moves, reader).rows_read == 11
        deadline = time.monotonic() + 10
        while ask(query)[0][1] == scans and time.monotonic() < deadline:
            time.sleep(0.2)
        ((rows_after, scans_after),) = ask(query)
    assert rows_after == rows
    assert scans_after > scans


def test_a_load_sees_one_state_of_postgres_while_others_write(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists accounts",
        "create table accounts (id bigint primary key, amount bigint, pad char(400))",
        "insert into accounts select i, case when i % 2 = 0 then 7 else -7 end, 'x' "
        "from generate_series(1, 60000) i",
        "analyze accounts",
    )  # fmt: skip
    rows = changes_while_reading(
        shop, "postgres", postgres, describe(Accounts, "pg"), PostgresReader(postgres)
    )
    with connected(shop, "postgres", postgres) as (_, ask):
        ((pages,),) = ask("select relpages from pg_class where relname = 'accounts'")
        assert ask("select count(*) from accounts") == [(rows,)]
    assert pages > 3000, "the table has to be read in several ranges"


def test_a_connection_lost_while_reading_postgres_leaves_nothing(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists moves cascade",
        "create table moves (id bigint, changed timestamp)",
        "insert into moves select i, '2026-01-01' from generate_series(1, 5000) i",
        "create view slow as select id, changed, pg_sleep(0.001)::text as pause from moves",
    )  # fmt: skip
    slow = describe(Slow, "pg")
    reader = PostgresReader(postgres.replace("postgres:@", "postgres:hidden-word@"))

    with connected(shop, "postgres", postgres) as (_, ask):

        def cut(number):
            time.sleep(0.05)
            ask(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                "where query like 'COPY%pause%' and now() - query_start > '0.3 seconds' "
                "and pid <> pg_backend_pid()"
            )

        with meanwhile(cut), pytest.raises(SourceError) as caught:
            load(shop, slow, reader)
    assert "Loading pg__slow failed" in caught.value.what
    assert "terminating connection" in caught.value.what
    assert "hidden-word" not in str(caught.value)
    assert shop.files() == []
    run(
        shop, "postgres", postgres,
        "create or replace view slow as select id, changed, ''::text as pause from moves",
    )  # fmt: skip
    assert load(shop, slow, reader).rows_loaded == 5000


class Odd(Contract):
    """Values that a scanner takes for others."""

    id: Integer = column("id", "Key.")
    price: Money = column("price", "numeric(12,2).", nullable=True)
    at: Timestamp = column("at", "timestamp.", nullable=True)
    local: Timestamp = column("local", "timestamptz.", nullable=True)

    class Config:
        metadata = table("odd", key=["id"])


def test_values_of_postgres_that_would_be_changed_are_quarantined(shop, postgres):
    run(
        shop, "postgres", postgres,
        "drop table if exists odd",
        "create table odd (id bigint, price numeric(12,2), at timestamp, local timestamptz)",
        "insert into odd values (1, 1.50, '2026-01-01 00:00:00.5', '2026-01-01 01:00:00+02'), "
        "(2, 'NaN', null, null), (3, 1, '294276-12-31', null), (4, 1, null, 'infinity')",
    )  # fmt: skip
    odd = describe(Odd, "pg")
    load(shop, odd, PostgresReader(postgres))
    assert shop.current(odd) == [
        (1, Decimal("1.50"), datetime(2026, 1, 1, 0, 0, 0, 500_000), datetime(2025, 12, 31, 23))
    ]
    assert sorted(code for _, code in shop.rejects(odd)) == [
        "not_a_number", "not_a_timestamp", "not_a_timestamp",
    ]  # fmt: skip


class Various(Contract):
    """Types the two ways of reading Postgres describe differently; the rest is kept as text."""

    id: Integer = column("id", "Key.")
    changed: Timestamp = column("changed", "Last change.")

    class Config:
        metadata = table("various", key=["id"], cursor="changed")


@pytest.mark.parametrize(
    ("more", "value", "text"),
    [
        ("enough text", "none", "none"),
        ("pair as_pair", "(1,x)", "(1,x)"),
        ("wide numeric(40,2)", "1" * 38 + ".25", "1" * 38 + ".25"),
        ("rounded numeric(5,-2)", "12345", "12300"),
    ],
)
def test_a_row_of_postgres_arrives_alike_in_a_first_and_a_later_load(
    shop, postgres, more, value, text
):
    run(
        shop, "postgres", postgres,
        "drop table if exists various; drop type if exists mood; drop type if exists as_pair",
        "create type mood as enum ('sad', 'ok'); create type as_pair as (a int, b text)",
        "create table various (id bigint, changed timestamp, e mood, tags text[], grid int[], "
        f"o oid, c char(5), js jsonb, b bytea, n numeric(20,4), u uuid, {more})",
        "insert into various values (1, '2026-01-01', 'ok', '{x,y}', '{{1,2},{3,4}}', 7, 'c', "
        "'{\"a\": 1}', '\\x00ff', 1.5, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', "
        f"'{value}')",
    )  # fmt: skip
    various, reader = describe(Various, "pg"), PostgresReader(postgres)
    load(shop, various, reader)
    record = load(shop, various, reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (1, 0, 1)
    name = more.partition(" ")[0]
    assert shop.query(various, f"select e, tags, grid, n, {name} from {{raw}}") == [
        ("ok", "{x,y}", "{{1,2},{3,4}}", "1.5000", text)
    ]


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


def test_a_wrong_password_for_postgres_is_named_and_not_shown(shop, postgres):
    folder = Path(postgres.partition("host=")[2])
    rules = folder / "pg_hba.conf"
    rules.write_text("local all clerk scram-sha-256\n" + rules.read_text())
    run(shop, "postgres", postgres, "create role clerk login password 'right-word'")
    address = postgres.replace("postgres:@", "clerk:wrong-word@")
    # The server takes up the new rules a moment after it was told to.
    caught, deadline = None, time.monotonic() + 30
    while caught is None and time.monotonic() < deadline:
        run(shop, "postgres", postgres, "select pg_reload_conf()")
        with duck.connect(shop.settings) as con:
            try:
                PostgresReader(address).attach(con)
            except SourceError as error:
                caught = error
    assert caught is not None
    assert "Correct the user or the password" in caught.remedy
    assert "wrong-word" not in str(caught)


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
    # Reading in parallel needs no other right than reading.
    run(
        shop, "postgres", postgres,
        "grant select on base to guest",
        "insert into base select i, '2026-01-01', repeat('x', 1000) "
        "from generate_series(3, 20000) i",
        "analyze base",
    )  # fmt: skip
    assert load(shop, describe(Base, "pg"), reader, threads=4).rows_loaded == 20_000


# -- MariaDB -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mariadb_certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory, mariadb_certificate):
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
    certificate, key = mariadb_certificate
    start = folder / "start.sql"
    start.write_text(
        "create database stock;\n"
        "create user 'shop'@'%' identified by 'right';\n"
        "grant all on stock.* to 'shop'@'%';\n"
        "create user 'guest'@'%' identified by 'right';\n"
        "grant select on stock.* to 'guest'@'%';\n"
    )
    server = subprocess.Popen(
        [MARIADBD, "--no-defaults", f"--user={owner}", f"--datadir={folder / 'data'}",
         f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}",
         f"--pid-file={folder / 'pid'}", f"--init-file={start}", "--sql-mode=",
         f"--ssl-cert={certificate}", f"--ssl-key={key}",
         "--skip-log-bin", "--innodb-buffer-pool-size=32M", "--default-time-zone=+03:00"],
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


def cipher_of(shop, address):
    """What encrypts a reader's connection, by the server's own account."""
    with duck.connect(shop.settings) as con:
        MysqlReader(address).attach(con)
        asked = (
            "select variable_value from information_schema.session_status "
            "where variable_name = 'ssl_cipher'"
        )
        return con.execute(f"from mysql_query('source', {duck.literal(asked)})").fetchone()[0]


def test_a_password_spelled_as_in_an_address_is_not_shown(shop):
    reader = PostgresReader("postgresql://u:hid%2fden%20word@127.0.0.1:1/d")
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        load(shop, STOCK, reader)
    assert "word" not in caught.value.what.replace("password", "")


def test_mariadb_is_spoken_to_over_tls_and_its_certificate_verified(
    shop, mariadb, mariadb_certificate, tmp_path
):
    own = tmp_path / "own"
    own.mkdir()
    other, _ = self_signed(own)
    assert cipher_of(shop, f"{mariadb}?ssl_mode=disabled") == ""
    assert cipher_of(shop, f"{mariadb}?ssl_mode=required").startswith(("TLS", "ECDHE"))
    assert cipher_of(shop, f"{mariadb}?ssl_mode=verify_ca&ssl_ca={mariadb_certificate[0]}") != ""
    with pytest.raises(SourceError, match=r"(?i)certificate|ssl|tls") as caught:
        cipher_of(shop, f"{mariadb}?ssl_mode=verify_ca&ssl_ca={other}")
    assert "right" not in caught.value.what


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


def test_an_instant_of_mariadb_arrives_in_utc_whatever_zone_the_server_has(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists moves",
        "create table moves (id bigint, changed timestamp(6) null)",
        "insert into moves values (1, '2026-01-01 12:00:00.000001')",
    )  # fmt: skip
    strict, reader = describe(Strict, "maria"), MysqlReader(mariadb)
    load(shop, strict, reader)
    run(shop, "mysql", words(mariadb), "insert into moves select 2, changed from moves")
    record = load(shop, strict, reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (2, 1, 1)
    noon = datetime(2026, 1, 1, 9, 0, 0, 1)
    assert shop.versions(strict) == [(1, noon, False), (2, noon, False)]


def test_what_mariadb_commits_late_is_found_within_the_overlap(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists moves",
        "create table moves (id bigint, changed datetime(3))",
        "insert into moves values (1, '2026-01-01 12:00:00')",
    )  # fmt: skip
    # A user who may do nothing but read.
    moves, reader = describe(Moves, "maria"), MysqlReader(mariadb.replace("shop:", "guest:"))
    load(shop, moves, reader)
    run(
        shop, "mysql", words(mariadb),
        "insert into moves values (2, '2026-01-01 11:50:00'), (3, '2026-01-01 11:49:59.999'), "
        "(4, null), (5, '0000-00-00')",
    )  # fmt: skip
    record = load(shop, moves, reader)
    assert [row[0] for row in shop.current(moves)] == [1, 2]
    assert [code for _, code in shop.rejects(moves)] == ["missing_value", "missing_value"]
    assert (record.rows_read, record.rows_deduplicated) == (4, 1)


def test_mariadb_finds_the_rows_from_the_cursor_on_by_its_index(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists moves",
        "create table moves (id bigint, changed datetime, key (changed))",
        "insert into moves select seq, '2026-01-01' + interval seq minute from seq_1_to_20000",
        "analyze table moves",
    )  # fmt: skip
    moves, reader = describe(Moves, "maria"), MysqlReader(mariadb)
    with connected(shop, "mysql", words(mariadb)) as (_, ask):
        query = "show global status like 'Handler_read_rnd_next'"
        before = int(ask(query)[0][1])
        load(shop, moves, reader)
        first = int(ask(query)[0][1]) - before
        before = int(ask(query)[0][1])
        assert load(shop, moves, reader).rows_read == 11
        second = int(ask(query)[0][1]) - before
    assert first >= 20_000
    assert second < 10_000


def test_a_load_sees_one_state_of_mariadb_while_others_write(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists accounts",
        "create table accounts (id bigint primary key, amount bigint, pad char(100))",
        "insert into accounts select seq, case when seq % 2 = 0 then 7 else -7 end, 'x' "
        "from seq_1_to_60000",
    )  # fmt: skip
    rows = changes_while_reading(
        shop, "mysql", words(mariadb), describe(Accounts, "maria"), MysqlReader(mariadb)
    )
    with connected(shop, "mysql", words(mariadb)) as (_, ask):
        assert ask("select count(*) from accounts") == [(rows,)]


def test_a_connection_lost_while_reading_mariadb_leaves_nothing(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists moves", "drop view if exists slow",
        "create table moves (id bigint, changed datetime)",
        "insert into moves select seq, '2026-01-01' from seq_1_to_3000",
        "create view slow as select id, changed, sleep(0.001) as pause from moves",
    )  # fmt: skip
    slow, reader = describe(Slow, "maria"), MysqlReader(mariadb)
    with connected(shop, "mysql", words(mariadb)) as (execute, ask):

        def cut(number):
            time.sleep(0.05)
            for (found,) in ask(
                "select id from information_schema.processlist "
                "where info like 'SELECT%pause%' and time_ms > 300"
            ):
                execute(f"kill {found}")

        with meanwhile(cut), pytest.raises(SourceError) as caught:
            load(shop, slow, reader)
    assert "Loading maria__slow failed" in caught.value.what
    assert "right" not in str(caught.value)
    assert shop.files() == []
    run(
        shop, "mysql", words(mariadb),
        "create or replace view slow as select id, changed, 0 as pause from moves",
    )  # fmt: skip
    assert load(shop, slow, reader).rows_loaded == 3000


class Ledger(Contract):
    """Types the two ways of reading MariaDB describe differently; the rest is kept as text."""

    id: Integer = column("id", "Key.")
    changed: Timestamp = column("changed", "Last change.")
    ten: Integer = column("ten", "decimal(10,0).")
    wide: Text = column("wide", "decimal(65,30).")
    little: Integer = column("little", "tinyint(1) with another number than 0 and 1.")

    class Config:
        metadata = table("ledger", key=["id"], cursor="changed")


def test_a_row_of_mariadb_arrives_alike_in_a_first_and_a_later_load(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists ledger",
        "create table ledger (id bigint, changed datetime, ten decimal(10,0), "
        "wide decimal(65,30), little tinyint(1), js json, bc varchar(9) collate utf8mb4_bin, "
        "uu uuid, u bigint unsigned, b varbinary(5), y year, t time, f float) charset utf8mb4",
        "insert into ledger values (1, '2026-01-01', 9999999999, "
        "12345678901234567890123456789.123456789012345678901234567890, 7, '{\"ä\": 1}', 'Käse', "
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', "
        "18446744073709551615, x'00ff', 2020, '25:00', 0.1)",
    )  # fmt: skip
    ledger, reader = describe(Ledger, "maria"), MysqlReader(mariadb)
    load(shop, ledger, reader)
    record = load(shop, ledger, reader)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (1, 0, 1)
    assert shop.query(ledger, "select ten, wide, little, js, bc, uu, u from {raw}") == [
        (
            9999999999, "12345678901234567890123456789.123456789012345678901234567890", 7,
            '{"ä": 1}', "Käse", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "18446744073709551615",
        )
    ]  # fmt: skip


def test_a_date_of_mariadb_without_a_day_is_quarantined_alone(shop, mariadb):
    run(
        shop, "mysql", words(mariadb),
        "drop table if exists wares", CREATE,
        "insert into wares (id, at, day) values (1, '2024-01-01 10:00:00', '2024-01-02'), "
        "(2, '0000-00-00', '2024-00-10'), (3, '2024-02-00', null), (4, null, '0000-00-00')",
    )  # fmt: skip
    load(shop, STOCK, MysqlReader(mariadb))
    assert [(row[0], *row[4:6]) for row in shop.current(STOCK)] == [
        (1, datetime(2024, 1, 1, 10), date(2024, 1, 2)),
        (4, None, None),
    ]
    assert sorted(code for _, code in shop.rejects(STOCK)) == ["not_a_date", "not_a_timestamp"]
